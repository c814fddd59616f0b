// Prints what comes to a unix datagram socket, a line each. usage: notify-receiver ADDRESS; "@NAME" is an abstract one.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "";
  sockaddr_un at = {};
  if (address.empty() || address.size() >= sizeof(at.sun_path)) return 2;
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, address.data(), address.size());
  const bool is_abstract = address[0] == '@';
  if (is_abstract) at.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + address.size() + (is_abstract ? 0 : 1);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), static_cast<socklen_t>(length)) != 0) return 1;
  std::puts("listening");
  for (;;) {
    std::fflush(stdout);
    char text[4096];
    const ssize_t received = ::recv(fd, text, sizeof(text), 0);
    if (received < 0) return 1;
    std::string line(text, static_cast<size_t>(received));
    std::replace(line.begin(), line.end(), '\n', '|');
    std::puts(line.c_str());
  }
}
