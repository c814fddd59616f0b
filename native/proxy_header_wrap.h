#pragma once

#include <napi.h>

namespace sluice {

// Adds `decodeProxyHeader` to the addon's exports, for the tests that compare the two decoders.
void RegisterProxyHeader(Napi::Env env, Napi::Object exports);

}  // namespace sluice
