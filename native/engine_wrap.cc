#include "engine_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clock.h"
#include "engine.h"

namespace sluice {

namespace {

// The call area: what a hook is told and answers, in memory that JavaScript reads and writes as an Int32Array, so that
// a call carries no arguments. The same numbers stand in src/data-plane/native-call-area.ts.
enum Slot : size_t {
  kSlot = 0,
  kGeneration = 1,
  kListener = 2,
  kClientFamily = 3,
  kClientPort = 4,
  kClientBytes = 5,  // 16 bytes
  kDestinationFamily = 9,  // 0: no PROXY header gave one, the socket's own address is meant.
  kDestinationPort = 10,
  kDestinationBytes = 11,  // 16 bytes
  kMessageOffset = 15,     // Into scratch; -1: not TLS.
  kErrno = 16,
  kOutcome = 17,
  kAttempts = 18,
  kFacts = 20,  // kHelloFactCount of them

  kAnswerKind = 48,
  kAnswerFamily = 49,
  kAnswerPort = 50,
  kAnswerBytes = 51,  // 16 bytes
  kAnswerConnectTimeoutMs = 55,
  kAnswerIdleTimeoutMs = 56,
  kAnswerHalfClosedTimeoutMs = 57,
  kAnswerHeaderSize = 58,
  kAnswerHow = 59,
  kAnswerAlert = 60,
  kAnswerOutcome = 61,

  kCallAreaSize = 64,
};

enum Figure : size_t {
  kBytesUp = 0,
  kBytesDown = 1,
  kHelloMs = 2,
  kConnectMs = 3,
  kDurationMs = 4,
  kAfterMs = 5,
  kFigureCount = 8,
};

constexpr uint8_t kAlertInternalError = 80;
// The scratch buffer also carries a reassembled hello to JavaScript; reads use this much of it at most, which stays
// within a core's second-level cache.
constexpr size_t kReadSize = 64 * 1024;

// Makes an error shaped like those of Node's own system calls.
void ThrowErrno(Napi::Env env, int negative_errno, const char* syscall) {
  const char* code = uv_err_name(negative_errno);
  Napi::Error error =
      Napi::Error::New(env, std::string(syscall) + " " + code + ": " + uv_strerror(negative_errno));
  error.Set("code", code);
  error.Set("errno", Napi::Number::New(env, negative_errno));
  error.Set("syscall", syscall);
  error.ThrowAsJavaScriptException();
}

}  // namespace

class EngineWrap : public Napi::ObjectWrap<EngineWrap>, public Policy {
 public:
  static void Register(Napi::Env env, Napi::Object exports) {
    exports.Set("Engine", DefineClass(env, "Engine",
                                      {
                                          InstanceMethod<&EngineWrap::Listen>("listen"),
                                          InstanceMethod<&EngineWrap::StopListening>("stopListening"),
                                          InstanceMethod<&EngineWrap::SetMaxConnections>("setMaxConnections"),
                                          InstanceMethod<&EngineWrap::AnswerLater>("answer"),
                                          InstanceMethod<&EngineWrap::Abort>("abort"),
                                          InstanceMethod<&EngineWrap::LiveCount>("liveCount"),
                                          InstanceMethod<&EngineWrap::Live>("live"),
                                          InstanceMethod<&EngineWrap::Progress>("progress"),
                                          InstanceMethod<&EngineWrap::View>("view"),
                                          InstanceMethod<&EngineWrap::Stats>("stats"),
                                          InstanceMethod<&EngineWrap::Close>("close"),
                                      }));
  }

  explicit EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info), env_(info.Env()) {
    if (!TakeMemory(info)) return;
    engine_ = std::make_unique<Engine>(this, scratch_, kReadSize);
    const int status = StartPolling();
    if (status != 0) {
      ThrowErrno(env_, status, "epoll_create1");
      return;
    }
    napi_async_init(env_, info.This(), Napi::String::New(env_, "SluiceEngine"), &async_context_);
    napi_add_async_cleanup_hook(env_, OnEnvironmentGone, this, &cleanup_hook_);
    Ref();
  }

 private:
  // ---- from JavaScript ----

  // new Engine({ scratch, calls, figures, header, accepted, hello, dialFailed, ended }): typed arrays that both sides
  // share, and the hooks.
  bool TakeMemory(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsObject()) return Refuse("new Engine(options): options must be an object");
    const Napi::Object options = info[0].As<Napi::Object>();
    const auto array = [&](const char* name, napi_typedarray_type type, size_t least, void** data, size_t* size) {
      const Napi::Value value = options.Get(name);
      if (!value.IsTypedArray()) return false;
      const Napi::TypedArray typed = value.As<Napi::TypedArray>();
      if (typed.TypedArrayType() != type || typed.ElementLength() < least) return false;
      *data = static_cast<uint8_t*>(typed.ArrayBuffer().Data()) + typed.ByteOffset();
      *size = typed.ElementLength();
      memory_.push_back(Napi::Persistent(value.As<Napi::Object>()));
      return true;
    };
    void* data[4];
    size_t ignored;
    if (!array("scratch", napi_uint8_array, kReadSize, &data[0], &scratch_size_) ||
        !array("calls", napi_int32_array, kCallAreaSize, &data[1], &ignored) ||
        !array("figures", napi_float64_array, kFigureCount, &data[2], &ignored) ||
        !array("header", napi_uint8_array, 1, &data[3], &header_size_)) {
      return Refuse("new Engine(options): scratch, calls, figures and header must be typed arrays of the right size");
    }
    scratch_ = static_cast<uint8_t*>(data[0]);
    calls_ = static_cast<int32_t*>(data[1]);
    figures_ = static_cast<double*>(data[2]);
    header_ = static_cast<uint8_t*>(data[3]);
    const char* const names[] = {"accepted", "hello", "dialFailed", "ended"};
    Napi::FunctionReference* const hooks[] = {&on_accepted_, &on_hello_, &on_dial_failed_, &on_ended_};
    for (int i = 0; i < 4; i++) {
      const Napi::Value hook = options.Get(names[i]);
      if (!hook.IsFunction()) return Refuse("new Engine(options): accepted, hello, dialFailed and ended must be functions");
      *hooks[i] = Napi::Persistent(hook.As<Napi::Function>());
    }
    return true;
  }

  int StartPolling() {
    const int status = engine_->Open();
    if (status != 0) return status;
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    // libuv needs it until OnPollClosed, whatever becomes of this object.
    auto poll = std::make_unique<uv_poll_t>();
    const int init_status = uv_poll_init(loop, poll.get(), engine_->poll_fd());
    if (init_status != 0) return init_status;
    poll_ = poll.release();
    poll_->data = this;
    uv_poll_start(poll_, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { static_cast<EngineWrap*>(handle->data)->Run(); });
    return 0;
  }

  bool Refuse(const char* why) {
    Napi::TypeError::New(env_, why).ThrowAsJavaScriptException();
    return false;
  }

  static uint32_t Uint32(const Napi::CallbackInfo& info, size_t index) {
    uint32_t value = 0;
    napi_get_value_uint32(info.Env(), info[index], &value);
    return value;
  }

  // (fd, index, helloTimeoutMs, maxHelloBytes, asksOnAccept): works on a duplicate, `fd` stays the caller's.
  void Listen(const Napi::CallbackInfo& info) {
    if (!engine_) return ThrowErrno(env_, -EBADF, "listen");
    Fd fd(::fcntl(static_cast<int>(Uint32(info, 0)), F_DUPFD_CLOEXEC, 0));
    if (!fd.is_open()) return ThrowErrno(env_, -errno, "fcntl");
    const ListenerOptions options = {Uint32(info, 2), Uint32(info, 3), info[4].ToBoolean()};
    const int status = engine_->Listen(Uint32(info, 1), std::move(fd), options);
    if (status != 0) ThrowErrno(env_, status, "listen");
  }

  void StopListening(const Napi::CallbackInfo& info) {
    if (engine_) engine_->StopListening(Uint32(info, 0));
  }

  void SetMaxConnections(const Napi::CallbackInfo& info) {
    if (engine_) engine_->SetMaxConnections(Uint32(info, 0));
  }

  Connection* Find(const Napi::CallbackInfo& info) {
    return engine_ ? engine_->Find({Uint32(info, 0), Uint32(info, 1)}) : nullptr;
  }

  // (slot, generation): takes the answer from the call area.
  void AnswerLater(const Napi::CallbackInfo& info) {
    Connection* connection = Find(info);
    if (connection == nullptr) return;
    Answer answer;
    ReadAnswer(&answer);
    engine_->RefreshClock();
    connection->OnAnswer(*engine_, answer);
    engine_->Flush();
  }

  // (slot, generation, outcome)
  void Abort(const Napi::CallbackInfo& info) {
    Connection* connection = Find(info);
    if (connection != nullptr) connection->Abort(*engine_, static_cast<Outcome>(Uint32(info, 2)));
  }

  Napi::Value LiveCount(const Napi::CallbackInfo&) {
    return Napi::Number::New(env_, engine_ ? engine_->live_connections() : 0);
  }

  // Slot and generation of each live connection, one after the other.
  Napi::Value Live(const Napi::CallbackInfo&) {
    const std::vector<ConnectionId> live = engine_ ? engine_->Live() : std::vector<ConnectionId>();
    Napi::Uint32Array ids = Napi::Uint32Array::New(env_, live.size() * 2);
    for (size_t i = 0; i < live.size(); i++) {
      ids[2 * i] = live[i].slot;
      ids[2 * i + 1] = live[i].generation;
    }
    return ids;
  }

  // (slot, generation): fills bytes and age into the figures; false when the connection has gone.
  Napi::Value Progress(const Napi::CallbackInfo& info) {
    const Connection* connection = Find(info);
    if (connection == nullptr) return Napi::Boolean::New(env_, false);
    figures_[kBytesUp] = static_cast<double>(connection->bytes_up());
    figures_[kBytesDown] = static_cast<double>(connection->bytes_down());
    figures_[kDurationMs] = static_cast<double>(NowUs() - connection->accepted_us()) / 1000;
    return Napi::Boolean::New(env_, true);
  }

  // (slot, generation): fills the call area with what a hook would see; false when the connection has gone.
  Napi::Value View(const Napi::CallbackInfo& info) {
    const Connection* connection = Find(info);
    if (connection == nullptr) return Napi::Boolean::New(env_, false);
    WriteView(connection->View());
    if (calls_[kDestinationFamily] == 0) WriteOwnAddress(connection->client_fd());
    return Napi::Boolean::New(env_, true);
  }

  void WriteOwnAddress(int fd) {
    sockaddr_storage own;
    socklen_t length = sizeof(own);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return;
    WriteAddress(FromSockaddr(own), kDestinationFamily, kDestinationPort, kDestinationBytes);
  }

  Napi::Value Stats(const Napi::CallbackInfo&) {
    Napi::Object stats = Napi::Object::New(env_);
    const EngineStats now = engine_ ? engine_->stats() : EngineStats();
    stats.Set("splicedBytes", static_cast<double>(now.spliced_bytes));
    stats.Set("acceptFailures", static_cast<double>(now.accept_failures));
    return stats;
  }

  // (outcome, done): ends every connection and frees all; `done` is called once the descriptors are closed.
  void Close(const Napi::CallbackInfo& info) {
    if (poll_ == nullptr || uv_is_closing(reinterpret_cast<uv_handle_t*>(poll_))) return;
    if (info[1].IsFunction()) on_closed_ = Napi::Persistent(info[1].As<Napi::Function>());
    engine_->Close(static_cast<Outcome>(Uint32(info, 0)));
    ClosePoll();
  }

  // ---- the loop ----

  void Run() {
    engine_->Run();
    // Lets promises and process.nextTick callbacks that the hooks left behind run.
    if (callback_scope_ != nullptr) {
      napi_close_callback_scope(env_, std::exchange(callback_scope_, nullptr));
      napi_close_handle_scope(env_, std::exchange(run_scope_, nullptr));
    }
  }

  void ClosePoll() {
    uv_poll_stop(poll_);
    uv_close(reinterpret_cast<uv_handle_t*>(poll_), [](uv_handle_t* handle) {
      static_cast<EngineWrap*>(handle->data)->OnPollClosed();
    });
  }

  void OnPollClosed() {
    delete std::exchange(poll_, nullptr);
    engine_.reset();
    if (cleanup_hook_ != nullptr) napi_remove_async_cleanup_hook(std::exchange(cleanup_hook_, nullptr));
    if (is_environment_gone_) return;
    Napi::HandleScope scope(env_);
    napi_async_destroy(env_, async_context_);
    if (!on_closed_.IsEmpty()) on_closed_.MakeCallback(Value(), {});
    Unref();
  }

  // The environment ends (process.exit in a worker thread, say) with the engine still open: no more JavaScript.
  static void OnEnvironmentGone(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<EngineWrap*>(data);
    self->is_environment_gone_ = true;
    if (self->poll_ == nullptr) return;
    if (self->engine_) self->engine_->Close(Outcome::kDrained);
    if (!uv_is_closing(reinterpret_cast<uv_handle_t*>(self->poll_))) self->ClosePoll();
  }

  // ---- to JavaScript ----

  void OnAccepted(const ConnectionView& connection, Answer* answer) override {
    WriteView(connection);
    Ask(on_accepted_, answer);
  }

  void OnHello(const ConnectionView& connection, const Hello* hello, Answer* answer) override {
    WriteView(connection);
    calls_[kMessageOffset] = -1;
    if (hello != nullptr) WriteHello(*hello);
    Ask(on_hello_, answer);
  }

  void OnDialFailed(const ConnectionView& connection, int error, double after_ms, Answer* answer) override {
    WriteView(connection);
    calls_[kErrno] = error;
    figures_[kAfterMs] = after_ms;
    Ask(on_dial_failed_, answer);
  }

  void OnEnded(const Ending& ending) override {
    calls_[kSlot] = static_cast<int32_t>(ending.id.slot);
    calls_[kGeneration] = static_cast<int32_t>(ending.id.generation);
    calls_[kListener] = static_cast<int32_t>(ending.listener);
    WriteAddress(*ending.client, kClientFamily, kClientPort, kClientBytes);
    calls_[kOutcome] = static_cast<int32_t>(ending.outcome);
    calls_[kAttempts] = static_cast<int32_t>(ending.attempts);
    figures_[kBytesUp] = static_cast<double>(ending.bytes_up);
    figures_[kBytesDown] = static_cast<double>(ending.bytes_down);
    figures_[kHelloMs] = ending.hello_ms;
    figures_[kConnectMs] = ending.connect_ms;
    figures_[kDurationMs] = ending.duration_ms;
    Call(on_ended_);
  }

  void WriteView(const ConnectionView& connection) {
    calls_[kSlot] = static_cast<int32_t>(connection.id.slot);
    calls_[kGeneration] = static_cast<int32_t>(connection.id.generation);
    calls_[kListener] = static_cast<int32_t>(connection.listener);
    WriteAddress(*connection.client, kClientFamily, kClientPort, kClientBytes);
    calls_[kDestinationFamily] = 0;
    if (connection.destination != nullptr) {
      WriteAddress(*connection.destination, kDestinationFamily, kDestinationPort, kDestinationBytes);
    }
  }

  void WriteAddress(const Address& address, size_t family, size_t port, size_t bytes) {
    calls_[family] = address.family;
    calls_[port] = address.port;
    std::memcpy(&calls_[bytes], address.bytes, sizeof(address.bytes));
  }

  // A hello that was read at once lies in scratch already; a reassembled one is copied there.
  void WriteHello(const Hello& hello) {
    const uint8_t* message = hello.message;
    size_t offset = 0;
    if (message >= scratch_ && message < scratch_ + scratch_size_) {
      offset = static_cast<size_t>(message - scratch_);
    } else {
      std::memcpy(scratch_, message, std::min(static_cast<size_t>(hello.facts->message_bytes), scratch_size_));
    }
    calls_[kMessageOffset] = static_cast<int32_t>(offset);
    std::memcpy(&calls_[kFacts], hello.facts, sizeof(HelloFacts));
  }

  void Ask(Napi::FunctionReference& hook, Answer* answer) {
    // What stands when the hook throws or may not be called.
    answer->kind = Answer::Kind::kReject;
    answer->how = RejectHow::kAlert;
    answer->alert = kAlertInternalError;
    answer->outcome = Outcome::kRejected;
    if (Call(hook)) ReadAnswer(answer);
  }

  void ReadAnswer(Answer* answer) const {
    answer->kind = static_cast<Answer::Kind>(calls_[kAnswerKind]);
    answer->endpoint.family = static_cast<uint8_t>(calls_[kAnswerFamily]);
    answer->endpoint.port = static_cast<uint16_t>(calls_[kAnswerPort]);
    std::memcpy(answer->endpoint.bytes, &calls_[kAnswerBytes], sizeof(answer->endpoint.bytes));
    answer->connect_timeout_ms = static_cast<uint32_t>(calls_[kAnswerConnectTimeoutMs]);
    answer->idle_timeout_ms = static_cast<uint32_t>(calls_[kAnswerIdleTimeoutMs]);
    answer->half_closed_timeout_ms = static_cast<uint32_t>(calls_[kAnswerHalfClosedTimeoutMs]);
    answer->header = header_;
    answer->header_size = std::min(static_cast<size_t>(calls_[kAnswerHeaderSize]), header_size_);
    answer->how = static_cast<RejectHow>(calls_[kAnswerHow]);
    answer->alert = static_cast<uint8_t>(calls_[kAnswerAlert]);
    answer->outcome = static_cast<Outcome>(calls_[kAnswerOutcome]);
  }

  // False when the hook threw: it must not (native-plane.ts sees to that), and the connection does not suffer.
  bool Call(Napi::FunctionReference& hook) {
    if (is_environment_gone_) return false;
    if (is_running() && callback_scope_ == nullptr) OpenCallbackScope();
    Napi::HandleScope scope(env_);
    napi_value result;
    const napi_status status =
        napi_call_function(env_, env_.Global(), hook.Value(), 0, nullptr, &result);
    if (status == napi_ok) return true;
    bool is_pending = false;
    napi_is_exception_pending(env_, &is_pending);
    if (is_pending) {
      napi_value thrown;
      napi_get_and_clear_last_exception(env_, &thrown);
    }
    return false;
  }

  bool is_running() const { return engine_ && engine_->is_running(); }

  void OpenCallbackScope() {
    napi_open_handle_scope(env_, &run_scope_);
    napi_open_callback_scope(env_, Value(), async_context_, &callback_scope_);
  }

  Napi::Env env_;
  std::unique_ptr<Engine> engine_;
  uv_poll_t* poll_ = nullptr;
  napi_async_context async_context_ = nullptr;
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
  napi_handle_scope run_scope_ = nullptr;
  napi_callback_scope callback_scope_ = nullptr;
  bool is_environment_gone_ = false;

  std::vector<Napi::ObjectReference> memory_;  // Keeps the shared arrays alive.
  uint8_t* scratch_ = nullptr;
  size_t scratch_size_ = 0;
  int32_t* calls_ = nullptr;
  double* figures_ = nullptr;
  uint8_t* header_ = nullptr;
  size_t header_size_ = 0;
  Napi::FunctionReference on_accepted_;
  Napi::FunctionReference on_hello_;
  Napi::FunctionReference on_dial_failed_;
  Napi::FunctionReference on_ended_;
  Napi::FunctionReference on_closed_;
};

void RegisterEngine(Napi::Env env, Napi::Object exports) { EngineWrap::Register(env, exports); }

}  // namespace sluice
