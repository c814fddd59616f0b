#include "listening_socket_wrap.h"

#include <arpa/inet.h>
#include <uv.h>

#include <string>

#include "listening_socket.h"

namespace sluice {

namespace {

Napi::Value ThrowTypeError(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// Shaped like the error of a server of Node's own that cannot listen.
Napi::Value ThrowSystemError(Napi::Env env, const SystemFailure& failure, const std::string& host, uint16_t port) {
  const std::string code = uv_err_name(-failure.error);
  const std::string where = host + ":" + std::to_string(port);
  const std::string message =
      std::string(failure.syscall) + " " + code + ": " + uv_strerror(-failure.error) + " " + where;
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", code);
  error.Set("errno", static_cast<double>(-failure.error));
  error.Set("syscall", failure.syscall);
  error.Set("address", host);
  error.Set("port", static_cast<double>(port));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

bool ReadFlag(const Napi::Object& from, const char* name) {
  return from.Get(name).ToBoolean().Value();
}

// openListeningSocket({ address, port, family, backlog, ipv6Only, sharesPort, joins }) → descriptor.
Napi::Value OpenListeningSocketWrapped(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsObject()) return ThrowTypeError(env, "options must be an object");
  const Napi::Object from = info[0].As<Napi::Object>();
  const Napi::Value address = from.Get("address");
  const Napi::Value port = from.Get("port");
  const Napi::Value family = from.Get("family");
  const Napi::Value backlog = from.Get("backlog");
  if (!address.IsString() || !port.IsNumber() || !family.IsNumber() || !backlog.IsNumber()) {
    return ThrowTypeError(env, "address must be a string; port, family and backlog numbers");
  }

  const std::string host = address.As<Napi::String>().Utf8Value();
  ListeningSocketOptions options;
  options.address.family = family.As<Napi::Number>().Int32Value() == 6 ? 6 : 4;
  options.address.port = static_cast<uint16_t>(port.As<Napi::Number>().Uint32Value());
  options.backlog = backlog.As<Napi::Number>().Int32Value();
  options.ipv6_only = ReadFlag(from, "ipv6Only");
  options.shares_port = ReadFlag(from, "sharesPort");
  options.joins = ReadFlag(from, "joins");
  const int domain = options.address.family == 6 ? AF_INET6 : AF_INET;
  if (::inet_pton(domain, host.c_str(), options.address.bytes) != 1) {
    return ThrowTypeError(env, "address must be an IP address of the family");
  }

  Fd opened;
  const SystemFailure failure = OpenListeningSocket(options, &opened);
  if (failure.error != 0) return ThrowSystemError(env, failure, host, options.address.port);
  return Napi::Number::New(env, opened.Release());
}

// A result of one of the functions about a descriptor: a negative one is thrown.
Napi::Value OrThrow(Napi::Env env, const char* call, int result) {
  if (result >= 0) return Napi::Number::New(env, result);
  const std::string code = uv_err_name(result);
  Napi::Error error = Napi::Error::New(env, std::string(call) + " " + code + ": " + uv_strerror(result));
  error.Set("code", code);
  error.Set("errno", static_cast<double>(result));
  error.Set("syscall", call);
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

int32_t DescriptorOf(const Napi::CallbackInfo& info) {
  int32_t fd = -1;
  napi_get_value_int32(info.Env(), info[0], &fd);
  return fd;
}

Napi::Value SharePortWrapped(const Napi::CallbackInfo& info) {
  return OrThrow(info.Env(), "setsockopt", SharePort(DescriptorOf(info)));
}

Napi::Value DealToWrapped(const Napi::CallbackInfo& info) {
  uint32_t count = 0;
  napi_get_value_uint32(info.Env(), info[1], &count);
  return OrThrow(info.Env(), "setsockopt", DealTo(DescriptorOf(info), count));
}

Napi::Value IsListeningWrapped(const Napi::CallbackInfo& info) {
  const int result = IsListening(DescriptorOf(info));
  if (result < 0) return OrThrow(info.Env(), "getsockopt", result);
  return Napi::Boolean::New(info.Env(), result != 0);
}

}  // namespace

void RegisterListeningSocket(Napi::Env env, Napi::Object exports) {
  exports.Set("sharePort", Napi::Function::New(env, SharePortWrapped, "sharePort"));
  exports.Set("dealTo", Napi::Function::New(env, DealToWrapped, "dealTo"));
  exports.Set("isListening", Napi::Function::New(env, IsListeningWrapped, "isListening"));
  exports.Set("openListeningSocket", Napi::Function::New(env, OpenListeningSocketWrapped, "openListeningSocket"));
}

}  // namespace sluice
