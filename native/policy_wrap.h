#pragma once

#include <napi.h>

#include <vector>

#include "call_area.h"
#include "policy.h"

namespace sluice {

// The policy of an engine, as four JavaScript functions that talk through the call area.
class PolicyWrap : public Policy {
 public:
  // Reads go through so much of scratch, which stays within a core's second-level cache. The rest is for a hello in
  // many pieces.
  static constexpr size_t kReadSize = 64 * 1024;

  explicit PolicyWrap(Napi::Env env) : env_(env) {}

  // { scratch, calls, figures, header, accepted, hello, dialFailed, ended }: typed arrays that both sides share, and
  // the hooks. False when it has thrown.
  bool Take(const Napi::Value& options);

  // Makes calls from outside of JavaScript possible; `resource` is what async_hooks show as their origin.
  void Open(const Napi::Object& resource);
  void Close();

  // Around work that comes from the event loop: promises and process.nextTick callbacks of the hooks run at the end.
  void BeginRun() { is_in_run_ = true; }
  void EndRun();

  // The environment ends: from here on no JavaScript is called.
  void Silence() { is_silent_ = true; }
  bool is_silent() const { return is_silent_; }

  CallArea* area() { return &area_; }
  uint8_t* scratch() { return scratch_; }

  void OnAccepted(const ConnectionView& connection, Answer* answer) override;
  void OnHello(const ConnectionView& connection, const Hello* hello, Answer* answer) override;
  void OnDialFailed(const ConnectionView& connection, int error, double after_ms, Answer* answer) override;
  void OnEnded(const Ending& ending) override;

 private:
  struct Array {
    void* data = nullptr;
    size_t length = 0;
  };

  bool TakeArray(const Napi::Object& options, const char* name, napi_typedarray_type type, size_t least, Array* array);
  bool TakeHook(const Napi::Object& options, const char* name, Napi::FunctionReference* hook);
  bool Refuse(const char* why);
  void Ask(Napi::FunctionReference& hook, Answer* answer);
  bool Call(Napi::FunctionReference& hook);

  Napi::Env env_;
  CallArea area_;
  uint8_t* scratch_ = nullptr;
  std::vector<Napi::ObjectReference> memory_;  // Keeps the shared arrays alive.
  Napi::FunctionReference on_accepted_;
  Napi::FunctionReference on_hello_;
  Napi::FunctionReference on_dial_failed_;
  Napi::FunctionReference on_ended_;
  napi_async_context async_context_ = nullptr;
  napi_handle_scope run_scope_ = nullptr;
  napi_callback_scope callback_scope_ = nullptr;
  bool is_in_run_ = false;
  bool is_silent_ = false;
};

}  // namespace sluice
