#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fd.h"
#include "pipe_pool.h"

namespace sluice {

// One socket of a connection and what is known of it. Under edge-triggered epoll `readable` and `writable` stay
// true until the kernel has said otherwise, by EAGAIN or by moving less than was asked for.
struct Side {
  Fd fd;
  bool readable = false;
  bool writable = false;
  // It is in the engine's epoll set; and that tells when it becomes writable; and does not tell what arrives.
  bool is_watched = false;
  bool is_writable_watched = false;
  bool is_muted = false;
  // A FIN or an error is waiting behind the bytes, or an urgent mark among them: a short read then no longer means
  // that nothing is left.
  bool may_hide_more = false;
  // An urgent mark: splice(2) never gets past it. The urgent byte itself is lost, as with any reader of the stream.
  bool has_urgent = false;
  // The kernel has said that it was reset. Behind a FIN no read will tell.
  bool is_gone = false;
  bool fin_received = false;
  bool was_reset = false;

  // Notes what an epoll event says.
  void Note(uint32_t events);
};

// What the flows of one engine share.
struct FlowContext {
  uint8_t* scratch;
  size_t scratch_size;
  PipePool* pipes;
  uint64_t* spliced_bytes;
};

// One direction of a connection: bytes from one side to the other. Small messages are
// copied through the shared scratch buffer; a direction with much to move is spliced through a pooled pipe.
// While nothing is under way it holds neither buffer nor pipe. It never reads what it could not pass on at once,
// so a slow reader stops its sender through the kernel's own windows.
class Flow {
 public:
  enum class Result : uint8_t {
    kBlocked,    // Nothing more until an event on one of the sides.
    kYielded,    // The turn's share is used up; there may be more to move.
    kEnded,      // The last byte has been passed on; the FIN is now the caller's to send.
    kFromReset,  // `from` was reset and all it sent before has been passed on.
    kToReset,    // `to` was reset: what this flow held is lost, as it would be without a proxy.
  };

  // Bytes moved before other connections get their turn.
  static constexpr size_t kTurnBytes = 1024 * 1024;

  Result Pump(Side& from, Side& to, const FlowContext& context);

  // Takes bytes that were read elsewhere (the prefix) and could not be sent yet.
  void Hold(const uint8_t* bytes, size_t size);

  // Lets go of what it holds.
  void Drop(PipePool* pipes);

  bool is_holding() const { return held_ != nullptr || pipe_ != nullptr; }
  bool has_ended() const { return ended_; }

  uint64_t received_bytes = 0;  // Taken from `from`.
  uint64_t sent_bytes = 0;      // Handed to `to`.

 private:
  struct Held {
    std::unique_ptr<uint8_t[]> bytes;
    size_t size;
    size_t sent;
  };
  enum class Step : uint8_t { kMoved, kBlocked, kFromEnded, kFromReset, kToReset };

  Step Flush(Side& to, const FlowContext& context);
  Step FlushHeld(Side& to);
  Step FlushPipe(Side& to, const FlowContext& context);
  Step Move(Side& from, Side& to, const FlowContext& context);
  Step Copy(Side& from, Side& to, const FlowContext& context);
  Step SpliceIn(Side& from, const FlowContext& context);
  void NoteRead(size_t size);

  std::unique_ptr<Held> held_;
  std::unique_ptr<Pipe> pipe_;
  bool splicing_ = false;
  bool ended_ = false;
  uint8_t streak_ = 0;  // Large reads in a row while copying; small ones in a row while splicing.
};

}  // namespace sluice
