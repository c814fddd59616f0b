#include "policy_wrap.h"

#include <utility>

namespace sluice {

namespace {

constexpr uint8_t kAlertInternalError = 80;

}  // namespace

// ---- what JavaScript gives -----------------------------------------------------------------------------------------

bool PolicyWrap::Take(const Napi::Value& value) {
  if (!value.IsObject()) return Refuse("new Engine(options): options must be an object");
  const Napi::Object options = value.As<Napi::Object>();
  Array scratch, calls, figures, header;
  if (!TakeArray(options, "scratch", napi_uint8_array, kReadSize, &scratch) ||
      !TakeArray(options, "calls", napi_int32_array, CallArea::kCallCount, &calls) ||
      !TakeArray(options, "figures", napi_float64_array, CallArea::kFigureCount, &figures) ||
      !TakeArray(options, "header", napi_uint8_array, 1, &header)) {
    return Refuse("new Engine(options): scratch, calls, figures and header must be typed arrays of the right size");
  }
  if (!TakeHook(options, "accepted", &on_accepted_) || !TakeHook(options, "hello", &on_hello_) ||
      !TakeHook(options, "dialFailed", &on_dial_failed_) || !TakeHook(options, "ended", &on_ended_)) {
    return Refuse("new Engine(options): accepted, hello, dialFailed and ended must be functions");
  }
  scratch_ = static_cast<uint8_t*>(scratch.data);
  area_ = CallArea({scratch_, scratch.length, static_cast<int32_t*>(calls.data), static_cast<double*>(figures.data),
                    static_cast<uint8_t*>(header.data), header.length});
  return true;
}

bool PolicyWrap::TakeArray(const Napi::Object& options, const char* name, napi_typedarray_type type, size_t least,
                           Array* array) {
  const Napi::Value value = options.Get(name);
  if (!value.IsTypedArray()) return false;
  const Napi::TypedArray typed = value.As<Napi::TypedArray>();
  if (typed.TypedArrayType() != type || typed.ElementLength() < least) return false;
  array->data = static_cast<uint8_t*>(typed.ArrayBuffer().Data()) + typed.ByteOffset();
  array->length = typed.ElementLength();
  memory_.push_back(Napi::Persistent(value.As<Napi::Object>()));
  return true;
}

bool PolicyWrap::TakeHook(const Napi::Object& options, const char* name, Napi::FunctionReference* hook) {
  const Napi::Value value = options.Get(name);
  if (!value.IsFunction()) return false;
  *hook = Napi::Persistent(value.As<Napi::Function>());
  return true;
}

// A getter of the options may have thrown already, and a second exception would end the process.
bool PolicyWrap::Refuse(const char* why) {
  if (!env_.IsExceptionPending()) Napi::TypeError::New(env_, why).ThrowAsJavaScriptException();
  return false;
}

// ---- the hooks -----------------------------------------------------------------------------------------------------

void PolicyWrap::OnAccepted(const ConnectionView& connection, Answer* answer) {
  area_.WriteView(connection);
  Ask(on_accepted_, answer);
}

void PolicyWrap::OnHello(const ConnectionView& connection, const Hello* hello, Answer* answer) {
  area_.WriteView(connection);
  area_.WriteHello(hello);
  Ask(on_hello_, answer);
}

void PolicyWrap::OnDialFailed(const ConnectionView& connection, int error, double after_ms, Answer* answer) {
  area_.WriteView(connection);
  area_.WriteDialFailure(error, after_ms);
  Ask(on_dial_failed_, answer);
}

void PolicyWrap::OnEnded(const Ending& ending) {
  area_.WriteEnding(ending);
  Call(on_ended_);
}

void PolicyWrap::Ask(Napi::FunctionReference& hook, Answer* answer) {
  if (Call(hook)) {
    *answer = area_.ReadAnswer();
    return;
  }
  // What stands when the hook threw or may not be called.
  answer->kind = Answer::Kind::kReject;
  answer->how = RejectHow::kAlert;
  answer->alert = kAlertInternalError;
  answer->outcome = Outcome::kRejected;
}

// False when the hook threw: it must not (native-plane.ts sees to that), and the connection does not suffer.
bool PolicyWrap::Call(Napi::FunctionReference& hook) {
  if (is_silent_) return false;
  if (is_in_run_ && callback_scope_ == nullptr) {
    napi_open_handle_scope(env_, &run_scope_);
    napi_open_callback_scope(env_, nullptr, async_context_, &callback_scope_);
  }
  napi_value result;
  const napi_status status = napi_call_function(env_, env_.Undefined(), hook.Value(), 0, nullptr, &result);
  if (status == napi_ok) return true;
  bool is_pending = false;
  napi_is_exception_pending(env_, &is_pending);
  if (is_pending) {
    napi_value thrown;
    napi_get_and_clear_last_exception(env_, &thrown);
  }
  return false;
}

void PolicyWrap::EndRun() {
  is_in_run_ = false;
  if (callback_scope_ == nullptr) return;
  napi_close_callback_scope(env_, std::exchange(callback_scope_, nullptr));
  napi_close_handle_scope(env_, std::exchange(run_scope_, nullptr));
}

void PolicyWrap::Open(const Napi::Object& resource) {
  napi_async_init(env_, resource, Napi::String::New(env_, "SluiceEngine"), &async_context_);
}

void PolicyWrap::Close() { napi_async_destroy(env_, std::exchange(async_context_, nullptr)); }

}  // namespace sluice
