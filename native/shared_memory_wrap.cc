#include "shared_memory_wrap.h"

#include <uv.h>

#include <memory>
#include <string>

#include "shared_memory.h"

namespace sluice {

namespace {

Napi::Value ThrowSystemError(Napi::Env env, int negative_errno, const char* syscall) {
  const std::string code = uv_err_name(negative_errno);
  Napi::Error error = Napi::Error::New(env, std::string(syscall) + " " + code + ": " + uv_strerror(negative_errno));
  error.Set("code", code);
  error.Set("errno", static_cast<double>(negative_errno));
  error.Set("syscall", syscall);
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

// createSharedMemory(size) → descriptor, the caller's.
Napi::Value Create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t size = 0;
  napi_get_value_int64(env, info[0], &size);
  Fd memory;
  const int status = size > 0 ? CreateSharedMemory(static_cast<size_t>(size), &memory) : -EINVAL;
  if (status != 0) return ThrowSystemError(env, status, "memfd_create");
  return Napi::Number::New(env, memory.Release());
}

// mapSharedMemory(descriptor) → ArrayBuffer, which does not need the descriptor and is unmapped when it is collected.
Napi::Value Map(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int32_t fd = -1;
  napi_get_value_int32(env, info[0], &fd);
  auto mapping = std::make_unique<SharedMapping>();
  const int status = mapping->Map(fd);
  if (status != 0) return ThrowSystemError(env, status, "mmap");
  void* data = mapping->data();
  const size_t size = mapping->size();
  const auto unmap = [](Napi::Env, void*, SharedMapping* unused) { delete unused; };
  return Napi::ArrayBuffer::New(env, data, size, unmap, mapping.release());
}

}  // namespace

void RegisterSharedMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("createSharedMemory", Napi::Function::New(env, Create, "createSharedMemory"));
  exports.Set("mapSharedMemory", Napi::Function::New(env, Map, "mapSharedMemory"));
}

}  // namespace sluice
