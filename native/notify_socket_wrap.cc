#include "notify_socket_wrap.h"

#include <uv.h>

#include <string>

#include "notify_socket.h"

namespace sluice {

namespace {

// notifySocket(address, message); throws an error shaped like those of Node's own system calls.
Napi::Value NotifySocketWrapped(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int result = NotifySocket(info[0].ToString().Utf8Value(), info[1].ToString().Utf8Value());
  if (result == 0) return env.Undefined();
  const std::string code = uv_err_name(result);
  Napi::Error error = Napi::Error::New(env, "sendto " + code + ": " + uv_strerror(result));
  error.Set("code", code);
  error.Set("errno", static_cast<double>(result));
  error.Set("syscall", "sendto");
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

void RegisterNotifySocket(Napi::Env env, Napi::Object exports) {
  exports.Set("notifySocket", Napi::Function::New(env, NotifySocketWrapped, "notifySocket"));
}

}  // namespace sluice
