#pragma once

#include <cstddef>
#include <cstdint>

#include "address.h"
#include "client_hello.h"
#include "outcome.h"

namespace sluice {

// Names one connection for as long as it lives; a slot that is used again gets another generation.
struct ConnectionId {
  uint32_t slot;
  uint32_t generation;
};

enum class RejectHow : uint8_t { kAlert, kClose, kReset };

// What the policy says is to be done with a connection.
struct Answer {
  enum class Kind : uint8_t { kPending, kDial, kReject, kReadHello, kReadProxyHeader };

  Kind kind = Kind::kPending;

  // kDial
  Address endpoint;
  uint32_t connect_timeout_ms = 0;
  uint32_t idle_timeout_ms = 0;
  uint32_t half_closed_timeout_ms = 0;
  const uint8_t* header = nullptr;  // Sent before the client's bytes; the policy's own memory.
  size_t header_size = 0;

  // kReject
  RejectHow how = RejectHow::kReset;
  uint8_t alert = 0;
  Outcome outcome = Outcome::kRejected;
};

// A whole ClientHello: its handshake message as one piece, valid during the call, and where things are in it.
struct Hello {
  const uint8_t* message;
  const HelloFacts* facts;
};

// What the policy is shown with a decision to take.
struct ConnectionView {
  ConnectionId id;
  uint32_t listener;
  const Address* client;
  const Address* destination;  // From an accepted PROXY header; null: the socket's own.
};

enum class EndedFirst : uint8_t { kNeither, kClient, kUpstream };

struct Ending {
  ConnectionId id;
  uint32_t listener;
  const Address* client;
  Outcome outcome;
  uint64_t bytes_up;
  uint64_t bytes_down;
  double hello_ms;    // Negative: there was none.
  double connect_ms;  // Negative: there was none.
  double duration_ms;
  uint32_t attempts;
  EndedFirst ended_first;  // Whose FIN or reset came first.
};

// The engine asks it everything and decides nothing itself. Calls may come back into the engine, for any connection.
class Policy {
 public:
  virtual ~Policy() = default;
  // On accept, where the listener asks for it: kReadHello, kReadProxyHeader or kReject.
  virtual void OnAccepted(const ConnectionView& connection, Answer* answer) = 0;
  // `hello` is null when the first byte showed that this is not TLS.
  virtual void OnHello(const ConnectionView& connection, const Hello* hello, Answer* answer) = 0;
  // `error` is an errno value.
  virtual void OnDialFailed(const ConnectionView& connection, int error, double after_ms, Answer* answer) = 0;
  // Once for each accepted connection.
  virtual void OnEnded(const Ending& ending) = 0;
};

}  // namespace sluice
