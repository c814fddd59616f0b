#include "proxy_header_wrap.h"

#include <algorithm>

#include "proxy_header.h"

namespace sluice {

namespace {

// What `facts` holds; test/proxy-protocol/native-decoder.ts reads it.
enum ProxyHeaderFact {
  kStatus,
  kNeededBytes,
  kReason,
  kBytes,
  kVersion,
  kSourceFamily,
  kSourcePort,
  kDestinationFamily,
  kDestinationPort,
  kFactCount,
};

constexpr size_t kAddressBytes = sizeof(Address::bytes);

void ThrowTypeError(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

// decodeProxyHeader(input: Uint8Array, facts: Int32Array, addresses: Uint8Array): fills both; source then destination.
void DecodeProxyHeaderWrapped(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray() || !info[1].IsTypedArray() || !info[2].IsTypedArray()) {
    return ThrowTypeError(info.Env(), "input, facts and addresses must be typed arrays");
  }
  const auto input = info[0].As<Napi::Uint8Array>();
  auto facts = info[1].As<Napi::Int32Array>();
  auto addresses = info[2].As<Napi::Uint8Array>();
  if (facts.TypedArrayType() != napi_int32_array || facts.ElementLength() < kFactCount ||
      addresses.ByteLength() < 2 * kAddressBytes) {
    return ThrowTypeError(info.Env(), "facts must be an Int32Array of 9, addresses must hold 32 bytes");
  }
  ProxyHeader header;
  const ProxyHeaderStatus status = DecodeProxyHeader(input.Data(), input.ByteLength(), &header);
  facts[kStatus] = static_cast<int32_t>(status);
  facts[kNeededBytes] = static_cast<int32_t>(header.needed_bytes);
  facts[kReason] = static_cast<int32_t>(header.reason);
  facts[kBytes] = static_cast<int32_t>(header.bytes);
  facts[kVersion] = header.version;
  facts[kSourceFamily] = header.source.family;
  facts[kSourcePort] = header.source.port;
  facts[kDestinationFamily] = header.destination.family;
  facts[kDestinationPort] = header.destination.port;
  std::copy_n(header.source.bytes, kAddressBytes, addresses.Data());
  std::copy_n(header.destination.bytes, kAddressBytes, addresses.Data() + kAddressBytes);
}

}  // namespace

void RegisterProxyHeader(Napi::Env env, Napi::Object exports) {
  exports.Set("decodeProxyHeader", Napi::Function::New(env, DecodeProxyHeaderWrapped, "decodeProxyHeader"));
}

}  // namespace sluice
