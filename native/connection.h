#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "address.h"
#include "client_hello.h"
#include "fd.h"
#include "flow.h"
#include "outcome.h"
#include "policy.h"
#include "timers.h"

namespace sluice {

class Engine;
struct ListenerOptions;

enum SideIndex : uint8_t { kClient = 0, kUpstream = 1 };

inline SideIndex Other(SideIndex side) { return side == kClient ? kUpstream : kClient; }

// One connection from accept to close:
//
//   kHello → kDeciding → kDialing → kForwarding → (gone)
//      │         │  ↑________│ dial failed │ └→ kResetting → (gone)
//      │         │  ↑______________________│ upstream reset before its first byte
//      └─────────┴───→ kLingering → (gone)
//
// Any call may end the connection and free its slot: touch nothing of it after a call that can.
class Connection : public TimerNode {
 public:
  void Start(Engine& engine, uint32_t listener, const ListenerOptions& options, Fd client, const Address& address);

  void OnEvent(Engine& engine, SideIndex side, uint32_t events);
  void OnTimer(Engine& engine);
  // The policy's word, at once or later; out of turn it is ignored.
  void OnAnswer(Engine& engine, const Answer& answer);
  // Goes on with a flow that yielded.
  void Continue(Engine& engine);
  // Resets both sides now.
  void Abort(Engine& engine, Outcome outcome);

  // False once its end has been reported.
  bool is_live() const { return phase_ != Phase::kFree && phase_ != Phase::kLingering; }
  bool is_free() const { return phase_ == Phase::kFree; }
  ConnectionId id() const { return id_; }
  void Name(ConnectionId id) { id_ = id; }
  uint64_t bytes_up() const { return up_.received_bytes; }
  uint64_t bytes_down() const { return down_.sent_bytes; }
  uint64_t accepted_us() const { return accepted_us_; }
  ConnectionView View() const;
  int client_fd() const { return sides_[kClient].fd.get(); }

  // Closes what is open and frees the slot; reports nothing.
  void Release(Engine& engine);

  bool is_queued = false;  // The engine's note.

 private:
  enum class Phase : uint8_t {
    kFree,
    kHello,       // Reading the prefix.
    kDeciding,    // The policy has yet to answer.
    kDialing,     // connect(2) is under way.
    kForwarding,  // Both sides stand.
    kResetting,   // One side was reset; the other is told once it has taken all that came before.
    kLingering,   // Rejected and reported; the client's bytes are thrown away until it has seen our FIN.
  };

  // What came from the client so far: a PROXY header at most, then its hello. Kept until the upstream's first byte:
  // an endpoint that resets before it is followed by another, which has to be sent the same.
  struct Prefix {
    explicit Prefix(HelloScanner&& scanner_so_far) : scanner(std::move(scanner_so_far)) {}
    std::vector<uint8_t> bytes;
    HelloScanner scanner;
  };

  Side& client() { return sides_[kClient]; }
  Side& upstream() { return sides_[kUpstream]; }

  int Watch(Engine& engine, SideIndex side);
  void WatchIfBlocked(Engine& engine, SideIndex side);
  void MuteIfBlocked(Engine& engine, SideIndex side);
  void UnmuteIfDrained(Engine& engine, SideIndex side);

  void ReadPrefix(Engine& engine);
  void OnPrefixBytes(Engine& engine, const uint8_t* bytes, size_t size);
  bool TakeProxyHeader(Engine& engine, const uint8_t** bytes, size_t* size);
  void KeepPrefix(const uint8_t* bytes, size_t size, HelloScanner&& scanner);
  void AskPolicy(Engine& engine, const Hello* hello);

  void Dial(Engine& engine, const Answer& answer);
  void DialFailed(Engine& engine, int error);
  void OnDialEvent(Engine& engine);
  void StartForwarding(Engine& engine, size_t sent);
  void HoldUnsent(size_t sent);

  void OnForwardEvent(Engine& engine, SideIndex index, uint32_t events);
  bool Pump(Engine& engine, SideIndex from);
  bool PumpIfReady(Engine& engine, SideIndex from);
  bool OnFlowEnded(Engine& engine, SideIndex from);
  bool PassResetOn(Engine& engine, SideIndex reset_side);
  bool IsPrefixAll() const;
  void NoteEnd(SideIndex side);
  void AwaitOtherEnd(Engine& engine);
  void PollSendQueue(Engine& engine);
  uint64_t ForwardDeadlineMs() const;

  void Reject(Engine& engine, RejectHow how, uint8_t alert, Outcome outcome);
  void Linger(Engine& engine);
  void Discard(Engine& engine);

  void Finish(Engine& engine, Outcome outcome);
  Ending MakeEnding(Outcome outcome) const;
  Flow& FlowFrom(SideIndex from) { return from == kClient ? up_ : down_; }

  Side sides_[2];
  Flow up_;    // client → upstream
  Flow down_;  // upstream → client
  std::unique_ptr<Prefix> prefix_;
  std::unique_ptr<std::vector<uint8_t>> header_;  // Our own PROXY header, until it is sent.
  std::unique_ptr<Address> proxied_destination_;
  Address client_address_;
  ConnectionId id_ = {};
  uint64_t accepted_us_ = 0;
  uint64_t deadline_ms_ = 0;
  uint64_t last_active_ms_ = 0;
  uint64_t dialed_us_ = 0;
  int64_t hello_us_ = -1;    // From accept to the whole hello.
  int64_t connect_us_ = -1;  // From the first dial to the established connection.
  uint64_t first_dial_us_ = 0;
  uint32_t idle_timeout_ms_ = 0;
  uint32_t half_closed_timeout_ms_ = 0;
  uint32_t attempts_ = 0;
  uint32_t listener_ = 0;
  uint32_t max_hello_bytes_ = 0;
  Phase phase_ = Phase::kFree;
  EndedFirst ended_first_ = EndedFirst::kNeither;
  Outcome outcome_ = Outcome::kOk;  // What will be reported once kResetting is over.
  bool expects_proxy_header_ = false;
};

}  // namespace sluice
