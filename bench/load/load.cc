// The load source of the benchmarks: clients and the servers behind the proxy, in one process with one epoll loop, so
// that what the proxy costs is not hidden under TLS. It plays a ready-made ClientHello and then plain bytes, which a
// TLS-passthrough proxy cannot tell from a handshake.
//
//   load --proxy PORT --server PORT --hello FILE --mode connect|echo|down|up|idle [--backends N] [--names N]
//        [--clients N] [--size BYTES] [--rate N] [--warm S] [--seconds S] [--watch PID,PID] [--direct yes] [--spin yes]
//
// connect: as many new connections as come through, or `rate` a second: hello, a 64-byte answer, close.
// echo:    each client sends `size` bytes and waits until they are back, over and over.
// down/up: each client receives or sends as fast as it can.
// idle:    opens the connections, prints `ready`, and holds them until standard input ends; a byte there asks for as
//          many more.
// direct:  the clients go straight to the backends: what there is without a proxy.
// spin:    never sleeps. Waking a sleeping processor is charged to whoever sends to it, and the slower a proxy is the more
//          often the load behind it sleeps. For a load that has its processor to itself.
//
// The backends listen on 127.0.1.1, 127.0.1.2 …, all on the one port. The clients call from 127.0.2.1 to 127.0.2.64: so
// no two of all these ever want the same port of one address. A hello that holds `n0000000` asks for one of `names`
// names, drawn anew for each connection.
//
// Prints `started` after `warm` seconds, then one JSON object: operations, bytes, errors, seconds, latency percentiles
// in microseconds, and the processor time in nanoseconds that each watched process took in that time.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "clock.h"
#include "options.h"
#include "result.h"
#include "socket.h"

namespace {

constexpr size_t kAnswer = 64;

constexpr uint64_t kPatienceNs = 10000000000;
constexpr uint64_t kEndNs = 2000000000;
constexpr uint32_t kBackendBase = 0x7f000101;  // 127.0.1.1
constexpr uint32_t kClientBase = 0x7f000201;   // 127.0.2.1
constexpr size_t kClientAddresses = 64;

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)), chunk_(kChunk, 'b') {}

  int Run() {
    epoll_ = epoll_create1(0);
    FindName();
    for (size_t i = 0; i < options_.backends; i++) {
      if (!Listen(kBackendBase + static_cast<uint32_t>(i))) return Fail("listen");
    }
    if (options_.mode == Mode::kIdle) return HoldIdle();
    if (options_.mode == Mode::kConnect) {
      for (size_t i = 0; i < options_.clients && !IsPaced(); i++) Connect();
    } else if (!OpenUntil(options_.clients)) {
      return Fail("not every connection came up");
    }
    TurnFor(options_.warm_seconds);
    printf("started\n");
    fflush(stdout);
    result_ = {};
    std::vector<uint64_t> before;
    for (pid_t pid : options_.watched) before.push_back(CpuNs(pid));
    const uint64_t start_ns = NowNs();
    TurnFor(options_.seconds);
    const double seconds = static_cast<double>(NowNs() - start_ns) / 1e9;
    for (size_t i = 0; i < before.size(); i++) before[i] = CpuNs(options_.watched[i]) - before[i];
    Result measured = result_;
    EndInOrder();
    measured.Print(seconds, before);
    return 0;
  }

 private:
  int Fail(const char* what) {
    fprintf(stderr, "load: %s (%zu of %zu up, %llu errors): %s\n", what, up_, options_.clients,
            static_cast<unsigned long long>(result_.errors), strerror(errno));
    return 1;
  }

  bool IsPaced() const { return options_.mode == Mode::kConnect && options_.rate > 0; }

  /** For this long, and on a machine that is busy with something else a while longer. */
  void TurnFor(double seconds) {
    const uint64_t start_ns = NowNs();
    const auto length_ns = static_cast<uint64_t>(seconds * 1e9);
    uint64_t opened = 0;
    for (uint64_t past_ns = 0; past_ns < length_ns || (!IsEnough() && past_ns < kPatienceNs);
         past_ns = NowNs() - start_ns) {
      const auto due = static_cast<uint64_t>(static_cast<double>(past_ns) / 1e9 * options_.rate);
      for (; IsPaced() && opened < due; opened++) Connect();
      Turn(IsPaced() ? 1 : 10);
    }
  }

  /** A connection that is reset is work for the proxy, done while another one is measured. */
  void EndInOrder() {
    is_ending_ = true;
    const uint64_t give_up_ns = NowNs() + kEndNs;
    while (open_ > 0 && NowNs() < give_up_ns) Turn(10);
  }

  bool IsEnough() const { return result_.operations >= options_.clients || result_.bytes >= options_.clients * kChunk; }

  void FindName() {
    const std::string_view hello(reinterpret_cast<const char*>(options_.hello.data()), options_.hello.size());
    const size_t at = hello.find("n0000000");
    if (at != std::string_view::npos) digits_at_ = at + 1;
  }

  void DrawName() {
    draw_ = draw_ * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t name = (draw_ >> 33) % options_.names;
    for (size_t i = 7; i-- > 0 && digits_at_ > 0; name /= 10) {
      options_.hello[digits_at_ + i] = static_cast<uint8_t>('0' + name % 10);
    }
  }

  bool Listen(uint32_t host) {
    auto* listener = new Socket;
    listener->is_listener = true;
    listener->fd = ListenAt(Address(host, options_.server));
    if (listener->fd < 0) return false;
    Watch(listener);
    return true;
  }

  void Connect() {
    const uint32_t turn = next_client_++;
    const uint32_t backend = kBackendBase + turn % static_cast<uint32_t>(options_.backends);
    const sockaddr_in to =
        options_.is_direct ? Address(backend, options_.server) : Address(INADDR_LOOPBACK, options_.proxy);
    auto* client = new Socket;
    client->started_ns = NowNs();
    client->fd = ConnectFrom(Address(kClientBase + turn % kClientAddresses, 0), to);
    client->expected = kAnswer;
    client->unsent = options_.hello.size();
    open_++;
    Watch(client);
  }

  void ConnectNext() {
    if (!IsPaced() && !is_ending_) Connect();
  }

  void Watch(Socket* socket) {
    epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = socket}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket->fd, &event);
  }

  void Turn(int wait_ms) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, options_.is_spinning ? 0 : wait_ms);
    for (int i = 0; i < count; i++) {
      auto* socket = static_cast<Socket*>(events[i].data.ptr);
      if (socket->is_listener) {
        Accept(socket->fd);
      } else if (socket->is_server) {
        Serve(socket);
      } else {
        Drive(socket);
      }
    }
    for (Socket* socket : closed_) delete socket;
    closed_.clear();
  }

  void Accept(int listener) {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0) return;
      auto* server = new Socket;
      server->fd = fd;
      server->is_server = true;
      server->hello_left = options_.hello.size();
      open_++;
      Watch(server);
      Serve(server);
    }
  }

  void Close(Socket* socket, bool is_error) {
    if (socket->fd < 0) return;
    if (is_error) result_.errors++;
    close(socket->fd);
    open_--;
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

  // Another message, or the FIN at the end: then false.
  bool GoesOn(Socket* socket, size_t size) {
    if (!is_ending_) {
      socket->unsent = size;
      return true;
    }
    shutdown(socket->fd, SHUT_WR);
    return false;
  }

  void Serve(Socket* server) {
    for (;;) {
      if (server->unsent > 0 && !SendRest(server, chunk_.data(), std::min(server->unsent, kChunk))) return;
      const bool sends = options_.mode == Mode::kDown && server->hello_left == 0 && server->is_up;
      if (sends && GoesOn(server, kChunk)) continue;
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
      if (options_.mode == Mode::kUp) result_.bytes += size;
    }
  }

  void Drive(Socket* client) {
    for (;;) {
      if (client->fd < 0) return;
      if (!client->is_up && client->unsent == options_.hello.size()) DrawName();
      const std::vector<uint8_t>& message = client->is_up ? chunk_ : options_.hello;
      const size_t size = client->is_up ? std::min(client->unsent, kChunk) : message.size();
      if (client->unsent > 0 && !SendRest(client, message.data(), size)) return;
      if (client->is_up && options_.mode == Mode::kUp && GoesOn(client, kChunk)) continue;
      uint8_t sink[kChunk];
      const ssize_t got = recv(client->fd, sink, sizeof(sink), 0);
      if (got == 0) return Lost(client);
      if (got < 0) {
        if (errno == EAGAIN) return;
        return Lost(client);
      }
      if (client->is_up && options_.mode == Mode::kDown) {
        result_.bytes += static_cast<size_t>(got);
        continue;
      }
      client->expected -= std::min(client->expected, static_cast<size_t>(got));
      if (client->expected == 0 && !Answered(client)) return;
    }
  }

  void Lost(Socket* client) {
    Close(client, !is_ending_);
    if (options_.mode == Mode::kConnect) ConnectNext();
  }

  // False when the connection is done with.
  bool Answered(Socket* client) {
    const uint64_t now_ns = NowNs();
    result_.Add(now_ns - client->started_ns);
    if (!client->is_up) {
      client->is_up = true;
      up_++;
      if (options_.mode == Mode::kConnect) {
        Close(client, false);
        ConnectNext();
        return false;
      }
      if (options_.mode == Mode::kIdle) return true;
    }
    if (options_.mode == Mode::kEcho && GoesOn(client, options_.size)) {
      client->started_ns = now_ns;
      client->expected = options_.size;
    }
    return true;
  }

  /** Each byte on standard input asks for as many connections more. */
  int HoldIdle() {
    fcntl(0, F_SETFL, O_NONBLOCK);
    for (size_t wanted = options_.clients;; wanted += options_.clients) {
      if (!OpenUntil(wanted)) return Fail("not every connection came up");
      printf("ready\n");
      fflush(stdout);
      char byte;
      ssize_t got;
      while ((got = read(0, &byte, 1)) < 0) Turn(20);
      if (got == 0) return 0;
    }
  }

  bool OpenUntil(size_t wanted) {
    const uint64_t give_up_ns = NowNs() + 20000000000ull;
    for (size_t opened = up_; opened < wanted; opened++) {
      Connect();
      if (opened % 128 == 127) Turn(0);
    }
    while (up_ < wanted && NowNs() < give_up_ns) Turn(10);
    return up_ >= wanted;
  }

  Options options_;
  std::vector<uint8_t> chunk_;
  int epoll_ = -1;
  size_t digits_at_ = 0;  // Of the name in the hello; 0: it has none.
  uint64_t draw_ = 1;
  uint32_t next_client_ = 0;
  size_t up_ = 0;
  size_t open_ = 0;  // Sockets of clients and servers.
  bool is_ending_ = false;
  Result result_;
  std::vector<Socket*> closed_;
};

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!ParseOptions(count, words, &options)) {
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
