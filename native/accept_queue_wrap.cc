#include "accept_queue_wrap.h"

#include <uv.h>

#include <string>

#include "accept_queue.h"

namespace sluice {

namespace {

// What `Function` returns for the descriptor; throws an error shaped like those of Node's own system calls.
template <int (*Function)(int)>
Napi::Value OfDescriptor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int32_t fd = -1;
  napi_get_value_int32(env, info[0], &fd);
  const int result = Function(fd);
  if (result >= 0) return Napi::Number::New(env, result);
  const std::string code = uv_err_name(result);
  Napi::Error error = Napi::Error::New(env, code + ": " + uv_strerror(result));
  error.Set("code", code);
  error.Set("errno", static_cast<double>(result));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

void RegisterAcceptQueue(Napi::Env env, Napi::Object exports) {
  exports.Set("refuseSyns", Napi::Function::New(env, OfDescriptor<RefuseSyns>, "refuseSyns"));
  exports.Set("admitSyns", Napi::Function::New(env, OfDescriptor<AdmitSyns>, "admitSyns"));
  exports.Set("acceptQueueLength", Napi::Function::New(env, OfDescriptor<AcceptQueueLength>, "acceptQueueLength"));
}

}  // namespace sluice
