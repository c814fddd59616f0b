#include "flow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

namespace sluice {

namespace {

// A direction is spliced after this many large reads in a row: a quick reader's socket seldom holds more than that…
constexpr uint8_t kLargeReadsToSplice = 3;
constexpr size_t kLargeRead = 32 * 1024;
// …and copied again after this many splices in a row that moved less than a small read.
constexpr uint8_t kSmallReadsToCopy = 16;
constexpr size_t kSmallRead = 16 * 1024;

// Reading failed: no data yet, or the end of the connection. ETIMEDOUT, EHOSTUNREACH and their like end it as a
// reset does: what was acknowledged is all there is.
bool IsRetry(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

template <typename Call>
ssize_t RetryOnInterrupt(Call call) {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

void Side::Note(uint32_t events) {
  // EPOLLHUP also says that FINs went both ways.
  if (events & EPOLLERR) is_gone = true;
  if (events & EPOLLPRI) has_urgent = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) may_hide_more = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) readable = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable = true;
}

Flow::Result Flow::Pump(Side& from, Side& to, const FlowContext& context) {
  // A reset side takes nothing more; the connection only still reads what that side had sent.
  if (to.was_reset) return Result::kBlocked;
  const uint64_t turn_end = received_bytes + kTurnBytes;
  for (;;) {
    Step step = is_holding() ? Flush(to, context) : Step::kMoved;
    if (step == Step::kMoved) {
      if (from.fin_received) {
        ended_ = true;
        return Result::kEnded;
      }
      if (received_bytes >= turn_end) return Result::kYielded;
      step = Move(from, to, context);
    }
    switch (step) {
      case Step::kMoved:
        break;
      case Step::kBlocked:
        return Result::kBlocked;
      case Step::kFromEnded:
        // A socket whose error was already taken by a failed send reads as a plain end.
        if (from.was_reset) return Result::kFromReset;
        from.fin_received = true;
        break;
      case Step::kFromReset:
        from.was_reset = true;
        return Result::kFromReset;
      case Step::kToReset:
        to.was_reset = true;
        Drop(context.pipes);
        return Result::kToReset;
    }
  }
}

Flow::Step Flow::Flush(Side& to, const FlowContext& context) {
  if (!to.writable) return Step::kBlocked;
  return held_ ? FlushHeld(to) : FlushPipe(to, context);
}

Flow::Step Flow::FlushHeld(Side& to) {
  const ssize_t sent = RetryOnInterrupt([&] {
    return ::send(to.fd.get(), held_->bytes.get() + held_->sent, held_->size - held_->sent, MSG_NOSIGNAL);
  });
  if (sent < 0) {
    if (!IsRetry(errno)) return Step::kToReset;
    to.writable = false;
    return Step::kBlocked;
  }
  held_->sent += static_cast<size_t>(sent);
  sent_bytes += static_cast<uint64_t>(sent);
  if (held_->sent < held_->size) {
    to.writable = false;
    return Step::kBlocked;
  }
  held_.reset();
  return Step::kMoved;
}

// Bytes stay in the pipe only while `to` takes no more: the kernel splices until it is empty or the socket full.
Flow::Step Flow::FlushPipe(Side& to, const FlowContext& context) {
  if (pipe_->fill == 0) return Step::kMoved;
  const ssize_t sent = RetryOnInterrupt([&] {
    return ::splice(pipe_->read_end.get(), nullptr, to.fd.get(), nullptr, pipe_->fill,
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  });
  if (sent == 0 || (sent < 0 && !IsRetry(errno))) return Step::kToReset;
  const size_t gone = sent < 0 ? 0 : static_cast<size_t>(sent);
  pipe_->fill -= gone;
  sent_bytes += gone;
  *context.spliced_bytes += gone;
  if (pipe_->fill == 0) return Step::kMoved;
  to.writable = false;
  return Step::kBlocked;
}

Flow::Step Flow::Move(Side& from, Side& to, const FlowContext& context) {
  const bool can_move = from.readable && to.writable;
  if (can_move && splicing_ && !from.has_urgent) {
    if (!pipe_) pipe_ = context.pipes->Take();
    if (pipe_) return SpliceIn(from, context);
    splicing_ = false;
    streak_ = 0;
  }
  context.pipes->Return(std::move(pipe_));
  return can_move ? Copy(from, to, context) : Step::kBlocked;
}

Flow::Step Flow::Copy(Side& from, Side& to, const FlowContext& context) {
  const ssize_t received =
      RetryOnInterrupt([&] { return ::recv(from.fd.get(), context.scratch, context.scratch_size, 0); });
  if (received <= 0) {
    if (received == 0) return Step::kFromEnded;
    if (!IsRetry(errno)) return Step::kFromReset;
    from.readable = false;
    return Step::kBlocked;
  }
  const size_t size = static_cast<size_t>(received);
  const bool was_full = size == context.scratch_size;
  if (!was_full && !from.may_hide_more) from.readable = false;
  NoteRead(size);

  const ssize_t sent =
      RetryOnInterrupt([&] { return ::send(to.fd.get(), context.scratch, size, MSG_NOSIGNAL); });
  if (sent < 0 && !IsRetry(errno)) return Step::kToReset;
  const size_t gone = sent < 0 ? 0 : static_cast<size_t>(sent);
  sent_bytes += gone;
  if (gone == size) return Step::kMoved;
  to.writable = false;
  Hold(context.scratch + gone, size - gone);
  return Step::kBlocked;
}

Flow::Step Flow::SpliceIn(Side& from, const FlowContext& context) {
  const ssize_t received = RetryOnInterrupt([&] {
    return ::splice(from.fd.get(), nullptr, pipe_->write_end.get(), nullptr, pipe_->capacity,
                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  });
  if (received > 0) {
    pipe_->fill = static_cast<size_t>(received);
    NoteRead(pipe_->fill);
    return Step::kMoved;
  }
  const int error = errno;
  context.pipes->Return(std::move(pipe_));
  if (received == 0) {
    // The end, or an urgent mark that nobody has told of yet with a FIN somewhere behind it: reading tells which.
    splicing_ = false;
    streak_ = 0;
    return Step::kMoved;
  }
  // The pipe was empty, so EAGAIN speaks of the socket.
  if (!IsRetry(error)) return Step::kFromReset;
  from.readable = false;
  return Step::kBlocked;
}

void Flow::NoteRead(size_t size) {
  received_bytes += size;
  const bool against_mode = splicing_ ? size < kSmallRead : size >= kLargeRead;
  streak_ = against_mode ? static_cast<uint8_t>(streak_ + 1) : 0;
  if (streak_ < (splicing_ ? kSmallReadsToCopy : kLargeReadsToSplice)) return;
  splicing_ = !splicing_;
  streak_ = 0;
}

void Flow::Hold(const uint8_t* bytes, size_t size) {
  auto held = std::make_unique<Held>();
  held->bytes = std::make_unique<uint8_t[]>(size);
  held->size = size;
  held->sent = 0;
  std::memcpy(held->bytes.get(), bytes, size);
  held_ = std::move(held);
}

void Flow::Drop(PipePool* pipes) {
  held_.reset();
  pipes->Return(std::move(pipe_));
}

}  // namespace sluice
