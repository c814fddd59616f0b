#include "engine_wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <uv.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clock.h"
#include "engine.h"
#include "loop_wrap.h"
#include "policy_wrap.h"

namespace sluice {

namespace {

// Makes an error shaped like those of Node's own system calls.
void ThrowErrno(Napi::Env env, int negative_errno, const char* syscall) {
  const char* code = uv_err_name(negative_errno);
  Napi::Error error = Napi::Error::New(env, std::string(syscall) + " " + code + ": " + uv_strerror(negative_errno));
  error.Set("code", code);
  error.Set("errno", Napi::Number::New(env, negative_errno));
  error.Set("syscall", syscall);
  error.ThrowAsJavaScriptException();
}

uint32_t Uint32(const Napi::CallbackInfo& info, size_t index) {
  uint32_t value = 0;
  napi_get_value_uint32(info.Env(), info[index], &value);
  return value;
}

}  // namespace

// An engine with a place in the event loop. It holds itself from its construction until it is closed.
class EngineWrap : public Napi::ObjectWrap<EngineWrap>, private LoopGuest {
 public:
  static void Register(Napi::Env env, Napi::Object exports) {
    exports.Set("Engine", DefineClass(env, "Engine",
                                      {
                                          InstanceMethod<&EngineWrap::Listen>("listen"),
                                          InstanceMethod<&EngineWrap::StopListening>("stopListening"),
                                          InstanceMethod<&EngineWrap::SetMaxConnections>("setMaxConnections"),
                                          InstanceMethod<&EngineWrap::ShareMaxConnections>("shareMaxConnections"),
                                          InstanceMethod<&EngineWrap::AnswerLater>("answer"),
                                          InstanceMethod<&EngineWrap::Abort>("abort"),
                                          InstanceMethod<&EngineWrap::LiveCount>("liveCount"),
                                          InstanceMethod<&EngineWrap::OpenCount>("openCount"),
                                          InstanceMethod<&EngineWrap::Live>("live"),
                                          InstanceMethod<&EngineWrap::View>("view"),
                                          InstanceMethod<&EngineWrap::Destination>("destination"),
                                          InstanceMethod<&EngineWrap::Progress>("progress"),
                                          InstanceMethod<&EngineWrap::Stats>("stats"),
                                          InstanceMethod<&EngineWrap::Close>("close"),
                                      }));
  }

  explicit EngineWrap(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<EngineWrap>(info), env_(info.Env()), policy_(env_) {
    if (!policy_.Take(info[0])) return;
    engine_ = std::make_unique<Engine>(&policy_, policy_.scratch(), PolicyWrap::kReadSize);
    const int status = EnterLoop();
    if (status != 0) {
      ThrowErrno(env_, status, "epoll_create1");
      return;
    }
    policy_.Open(info.This().As<Napi::Object>());
    napi_add_async_cleanup_hook(env_, OnEnvironmentGone, this, &cleanup_hook_);
    Ref();
  }

 private:
  // ---- from JavaScript ----

  // (fd, index, helloTimeoutMs, maxHelloBytes, asksOnAccept): works on a duplicate, `fd` stays the caller's.
  void Listen(const Napi::CallbackInfo& info) {
    if (!is_open()) return ThrowErrno(env_, -EBADF, "listen");
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

  // (cells, own, limit): see SharedCount. Without cells, no longer.
  void ShareMaxConnections(const Napi::CallbackInfo& info) {
    if (!engine_) return;
    SharedCount count;
    const bool is_shared = info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_int32_array;
    if (is_shared) {
      Napi::Int32Array cells = info[0].As<Napi::Int32Array>();
      const uint32_t processes = static_cast<uint32_t>(cells.ElementLength() / 2);
      if (Uint32(info, 1) >= processes) return ThrowErrno(env_, -EINVAL, "shareMaxConnections");
      count = SharedCount(cells.Data(), processes, Uint32(info, 1), Uint32(info, 2));
    }
    engine_->ShareMaxConnections(count);
    shared_cells_ = is_shared ? Napi::Persistent(info[0].As<Napi::Object>()) : Napi::ObjectReference();
  }

  // (slot, generation): null when it is not live.
  Connection* Find(const Napi::CallbackInfo& info) {
    Connection* connection = engine_ ? engine_->Find({Uint32(info, 0), Uint32(info, 1)}) : nullptr;
    return connection != nullptr && connection->is_live() ? connection : nullptr;
  }

  // (slot, generation): takes the answer from the call area.
  void AnswerLater(const Napi::CallbackInfo& info) {
    Connection* connection = Find(info);
    if (connection == nullptr) return;
    engine_->RefreshClock();
    connection->OnAnswer(*engine_, policy_.area()->ReadAnswer());
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

  Napi::Value OpenCount(const Napi::CallbackInfo&) {
    return Napi::Number::New(env_, engine_ ? engine_->open_connections() : 0);
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

  // (slot, generation): fills the call area with what a hook would see; false when the connection has gone.
  Napi::Value View(const Napi::CallbackInfo& info) {
    const Connection* connection = Find(info);
    if (connection != nullptr) policy_.area()->WriteView(connection->View());
    return Napi::Boolean::New(env_, connection != nullptr);
  }

  // (slot, generation): fills in where the client connected to; false when that cannot be told (any more).
  Napi::Value Destination(const Napi::CallbackInfo& info) {
    const Connection* connection = Find(info);
    if (connection == nullptr) return Napi::Boolean::New(env_, false);
    const Address* proxied = connection->View().destination;
    const Address destination = proxied != nullptr ? *proxied : OwnAddress(connection->client_fd());
    policy_.area()->WriteDestination(destination);
    return Napi::Boolean::New(env_, destination.family != 0);
  }

  // (slot, generation): fills bytes and age into the figures; false when the connection has gone.
  Napi::Value Progress(const Napi::CallbackInfo& info) {
    const Connection* connection = Find(info);
    if (connection == nullptr) return Napi::Boolean::New(env_, false);
    const double age_ms = static_cast<double>(NowUs() - connection->accepted_us()) / 1000;
    policy_.area()->WriteProgress(connection->bytes_up(), connection->bytes_down(), age_ms);
    return Napi::Boolean::New(env_, true);
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
    if (!is_open()) return;
    if (info[1].IsFunction()) on_closed_ = Napi::Persistent(info[1].As<Napi::Function>());
    loop_.Leave();
    engine_->Close(static_cast<Outcome>(Uint32(info, 0)));
  }

  // ---- the loop ----

  bool is_open() const { return loop_.is_in(); }

  int EnterLoop() {
    const int status = engine_->Open();
    if (status != 0) return status;
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    return loop_.Enter(loop, engine_.get(), this);
  }

  bool TakeTurn(int wait_ms) override {
    policy_.BeginRun();
    const bool is_loop_readable = engine_->Run(wait_ms);
    policy_.EndRun();
    return is_loop_readable;
  }

  void OnLeft() override {
    engine_.reset();
    if (cleanup_hook_ != nullptr) napi_remove_async_cleanup_hook(std::exchange(cleanup_hook_, nullptr));
    if (policy_.is_silent()) return;
    Napi::HandleScope scope(env_);
    policy_.Close();
    if (!on_closed_.IsEmpty()) TellClosed();
    Unref();
  }

  // Not by MakeCallback, which ends the process where an environment that is about to end takes no more calls.
  void TellClosed() {
    napi_value result;
    if (napi_make_callback(env_, nullptr, Value(), on_closed_.Value(), 0, nullptr, &result) == napi_ok) return;
    napi_value thrown;
    napi_get_and_clear_last_exception(env_, &thrown);
  }

  // The environment ends (process.exit in a worker thread, say) with the engine still open.
  static void OnEnvironmentGone(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<EngineWrap*>(data);
    self->policy_.Silence();
    if (!self->is_open()) return;
    self->loop_.Leave();
    self->engine_->Close(Outcome::kDrained);
  }

  static Address OwnAddress(int fd) {
    sockaddr_storage own;
    socklen_t length = sizeof(own);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return Address();
    return FromSockaddr(own);
  }

  Napi::Env env_;
  PolicyWrap policy_;
  std::unique_ptr<Engine> engine_;
  LoopWrap loop_;
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
  Napi::ObjectReference shared_cells_;  // Keeps what the engine's SharedCount points to.
  Napi::FunctionReference on_closed_;
};

void RegisterEngine(Napi::Env env, Napi::Object exports) { EngineWrap::Register(env, exports); }

}  // namespace sluice
