// The load source of the benchmarks: clients and the servers behind the proxy, in one process with one epoll loop, so
// that what the proxy costs is not hidden under TLS. It plays a ready-made ClientHello and then plain bytes, which a
// TLS-passthrough proxy cannot tell from a handshake.
//
//   load --proxy PORT --server PORT --hello FILE --mode connect|echo|down|up|idle
//        [--clients N] [--size BYTES] [--seconds S]
//
// connect: as many new connections as come through: hello, a 64-byte answer, close.
// echo:    each client sends `size` bytes and waits until they are back, over and over.
// down/up: each client receives or sends as fast as it can.
// idle:    opens the connections, prints `ready`, and holds them until standard input ends.
//
// Prints one JSON object: operations, bytes, errors, seconds, latency percentiles in microseconds.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

enum class Mode { kConnect, kEcho, kDown, kUp, kIdle };

constexpr size_t kChunk = 256 * 1024;
constexpr size_t kAnswer = 64;

struct Options {
  uint16_t proxy = 0;
  uint16_t server = 0;
  Mode mode = Mode::kConnect;
  size_t clients = 64;
  size_t size = 1024;
  double seconds = 3;
  std::vector<uint8_t> hello;
};

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Socket {
  int fd = -1;
  bool is_server = false;
  size_t hello_left = 0;  // Server: bytes of the hello still to come.
  size_t expected = 0;    // Client: bytes of the answer still to come.
  size_t unsent = 0;      // Bytes of the current message still to send.
  bool is_up = false;     // Client: the first answer has come.
  uint64_t started_ns = 0;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), chunk_(kChunk, 'b') {}

  int Run() {
    epoll_ = epoll_create1(0);
    listener_ = Listen();
    if (listener_ < 0) return Fail("listen");
    epoll_event event = {EPOLLIN, {.ptr = nullptr}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
    for (size_t i = 0; i < options_.clients; i++) {
      Connect();
      if (i % 128 == 127) Turn(0);
    }
    const uint64_t give_up_ns = NowNs() + 20000000000ull;
    if (options_.mode != Mode::kConnect) {
      while (up_ < options_.clients && NowNs() < give_up_ns) Turn(10);
      if (up_ < options_.clients) return Fail("not every connection came up");
    }
    if (options_.mode == Mode::kIdle) return HoldIdle();
    // What happened while the connections were made is not counted.
    printf("started\n");
    fflush(stdout);
    operations_ = bytes_ = errors_ = 0;
    latencies_.clear();
    const uint64_t start_ns = NowNs();
    const uint64_t end_ns = start_ns + static_cast<uint64_t>(options_.seconds * 1e9);
    while (NowNs() < end_ns) Turn(10);
    Print(static_cast<double>(NowNs() - start_ns) / 1e9);
    return 0;
  }

 private:
  int Fail(const char* what) {
    fprintf(stderr, "load: %s (%zu of %zu up, %llu errors): %s\n", what, up_, options_.clients,
            static_cast<unsigned long long>(errors_), strerror(errno));
    return 1;
  }

  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
  }

  int Listen() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const sockaddr_in own = Loopback(options_.server);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) return -1;
    return listen(fd, 4096) == 0 ? fd : -1;
  }

  void Connect() {
    auto* client = new Socket;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    // Many clients share few ports' worth of address space: spread them over the loopback range.
    sockaddr_in from = Loopback(0);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + next_source_++ % 64);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    bind(client->fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
    client->started_ns = NowNs();
    client->expected = kAnswer;
    const sockaddr_in to = Loopback(options_.proxy);
    connect(client->fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    client->unsent = options_.hello.size();
    Watch(client);
  }

  void Watch(Socket* socket) {
    epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = socket}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->fd, &event);
  }

  void Turn(int wait_ms) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, wait_ms);
    for (int i = 0; i < count; i++) {
      auto* socket = static_cast<Socket*>(events[i].data.ptr);
      if (socket == nullptr) {
        Accept();
      } else if (socket->is_server) {
        Serve(socket);
      } else {
        Drive(socket);
      }
    }
    for (Socket* socket : closed_) delete socket;
    closed_.clear();
  }

  void Accept() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0) return;
      auto* server = new Socket;
      server->fd = fd;
      server->is_server = true;
      server->hello_left = options_.hello.size();
      Watch(server);
      Serve(server);
    }
  }

  void Close(Socket* socket, bool is_error) {
    if (socket->fd < 0) return;
    if (is_error) errors_++;
    close(socket->fd);
    socket->fd = -1;
    closed_.push_back(socket);
  }

  // Sends what is left of a message of the pattern; false when the socket takes no more or is gone.
  bool SendRest(Socket* socket, const uint8_t* bytes, size_t size) {
    while (socket->unsent > 0) {
      const size_t most = std::min(socket->unsent, size);
      const ssize_t sent = send(socket->fd, bytes + (size - most), most, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN && errno != ENOTCONN) Close(socket, true);
        return false;
      }
      socket->unsent -= static_cast<size_t>(sent);
    }
    return true;
  }

  void Serve(Socket* server) {
    for (;;) {
      if (server->unsent > 0 && !SendRest(server, chunk_.data(), std::min(server->unsent, kChunk))) return;
      if (options_.mode == Mode::kDown && server->hello_left == 0 && server->is_up) {
        server->unsent = kChunk;
        continue;
      }
      uint8_t sink[kChunk];
      const ssize_t got = recv(server->fd, sink, sizeof(sink), 0);
      if (got == 0) return Close(server, false);
      if (got < 0) {
        if (errno != EAGAIN) Close(server, false);
        return;
      }
      size_t size = static_cast<size_t>(got);
      const size_t of_hello = std::min(size, server->hello_left);
      server->hello_left -= of_hello;
      size -= of_hello;
      if (of_hello > 0 && server->hello_left == 0) {
        server->unsent = kAnswer;
        server->is_up = true;
      }
      if (options_.mode == Mode::kEcho) server->unsent += size;
      if (options_.mode == Mode::kUp) bytes_ += size;
    }
  }

  void Drive(Socket* client) {
    for (;;) {
      if (client->fd < 0) return;
      const std::vector<uint8_t>& message = client->is_up ? chunk_ : options_.hello;
      const size_t size = client->is_up ? std::min(client->unsent, kChunk) : message.size();
      if (client->unsent > 0 && !SendRest(client, message.data(), size)) return;
      if (client->is_up && options_.mode == Mode::kUp) {
        client->unsent = kChunk;
        continue;
      }
      uint8_t sink[kChunk];
      const ssize_t got = recv(client->fd, sink, sizeof(sink), 0);
      if (got == 0) return Lost(client);
      if (got < 0) {
        if (errno == EAGAIN) return;
        return Lost(client);
      }
      if (client->is_up && options_.mode == Mode::kDown) {
        bytes_ += static_cast<size_t>(got);
        continue;
      }
      client->expected -= std::min(client->expected, static_cast<size_t>(got));
      if (client->expected == 0 && !Answered(client)) return;
    }
  }

  void Lost(Socket* client) {
    Close(client, true);
    if (options_.mode == Mode::kConnect) Connect();
  }

  // False when the connection is done with.
  bool Answered(Socket* client) {
    const uint64_t now_ns = NowNs();
    latencies_.push_back(static_cast<uint32_t>((now_ns - client->started_ns) / 1000));
    operations_++;
    if (!client->is_up) {
      client->is_up = true;
      up_++;
      if (options_.mode == Mode::kConnect) {
        Close(client, false);
        Connect();
        return false;
      }
      if (options_.mode == Mode::kIdle) return true;
    }
    if (options_.mode == Mode::kEcho) {
      client->started_ns = now_ns;
      client->unsent = client->expected = options_.size;
    }
    return true;
  }

  int HoldIdle() {
    printf("ready\n");
    fflush(stdout);
    fcntl(0, F_SETFL, O_NONBLOCK);
    char byte;
    while (read(0, &byte, 1) != 0) Turn(50);
    Print(0);
    return 0;
  }

  void Print(double seconds) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      return latencies_.empty() ? 0u : latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1))];
    };
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"operations\":%llu,\"bytes\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"p50Us\":%u,\"p99Us\":%u,\"p999Us\":%u}\n",
           static_cast<unsigned long long>(operations_), static_cast<unsigned long long>(bytes_),
           static_cast<unsigned long long>(errors_), seconds, at(0.5), at(0.99), at(0.999));
  }

  Options options_;
  std::vector<uint8_t> chunk_;
  int epoll_ = -1;
  int listener_ = -1;
  uint32_t next_source_ = 0;
  size_t up_ = 0;
  uint64_t operations_ = 0;
  uint64_t bytes_ = 0;
  uint64_t errors_ = 0;
  std::vector<uint32_t> latencies_;
  std::vector<Socket*> closed_;
};

bool Parse(int count, char** words, Options* options) {
  const std::map<std::string, Mode> modes = {{"connect", Mode::kConnect}, {"echo", Mode::kEcho}, {"down", Mode::kDown},
                                             {"up", Mode::kUp},           {"idle", Mode::kIdle}};
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    const char* value = words[i + 1];
    if (name == "--proxy") options->proxy = static_cast<uint16_t>(atoi(value));
    else if (name == "--server") options->server = static_cast<uint16_t>(atoi(value));
    else if (name == "--clients") options->clients = strtoul(value, nullptr, 10);
    else if (name == "--size") options->size = strtoul(value, nullptr, 10);
    else if (name == "--seconds") options->seconds = atof(value);
    else if (name == "--mode" && modes.count(value) > 0) options->mode = modes.at(value);
    else if (name == "--hello") {
      std::ifstream file(value, std::ios::binary);
      options->hello.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    } else return false;
  }
  return count % 2 == 1 && options->proxy != 0 && options->server != 0 && !options->hello.empty() &&
         options->size > 0 && options->size <= kChunk;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!Parse(count, words, &options)) {
    fprintf(stderr, "usage: see the top of load.cc\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return Load(std::move(options)).Run();
}
