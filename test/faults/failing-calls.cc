// For LD_PRELOAD: calls that fail with an errno of choice, as the file named by SLUICE_FAILING_CALL says while it is
// there: "CALL ERRNO TIMES" (0: as long as it is there). Each failure adds a byte to the file of that name plus ".failed".
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace {

template <typename Call>
Call Next(const char* name) {
  return reinterpret_cast<Call>(dlsym(RTLD_NEXT, name));
}

// Sets errno where it fails.
bool Fails(const char* call) {
  const int kept = errno;
  const char* path = getenv("SLUICE_FAILING_CALL");
  FILE* order = path == nullptr ? nullptr : fopen(path, "re");
  if (order == nullptr) {
    errno = kept;
    return false;
  }
  char name[32] = "";
  int error = 0;
  long times = 0;
  const bool is_read = fscanf(order, "%31s %d %ld", name, &error, &times) == 3;
  fclose(order);
  const std::string told = std::string(path) + ".failed";
  struct stat so_far = {};
  if (stat(told.c_str(), &so_far) != 0) so_far.st_size = 0;
  errno = kept;
  if (!is_read || strcmp(name, call) != 0 || (times > 0 && so_far.st_size >= times)) return false;
  const int fd = open(told.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (write(fd, "x", 1) != 1) abort();
  close(fd);
  errno = error;
  return true;
}

bool IsTcp(int fd) {
  int protocol = 0;
  socklen_t length = sizeof(protocol);
  const int kept = errno;
  const bool is_tcp = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
  errno = kept;
  return is_tcp;
}

}  // namespace

extern "C" {

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (IsTcp(fd) && Fails("accept4")) return -1;
  return Next<decltype(&accept4)>("accept4")(fd, address, length, flags);
}

int socket(int domain, int type, int protocol) noexcept {
  if (domain == AF_INET && Fails("socket")) return -1;
  return Next<decltype(&socket)>("socket")(domain, type, protocol);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  if (address->sa_family == AF_INET && Fails("connect")) return -1;
  return Next<decltype(&connect)>("connect")(fd, address, length);
}

// Of TCP sockets alone: Node itself aborts where one of its own fails.
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_ADD && IsTcp(fd) && Fails("epoll_ctl")) return -1;
  return Next<decltype(&epoll_ctl)>("epoll_ctl")(epoll, operation, fd, event);
}

int pipe2(int ends[2], int flags) noexcept {
  if (Fails("pipe2")) return -1;
  return Next<decltype(&pipe2)>("pipe2")(ends, flags);
}
}
