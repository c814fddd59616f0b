#pragma once

#include <napi.h>

namespace sluice {

// Exports `Engine`, the native data plane as src/data-plane/native-plane.ts uses it.
void RegisterEngine(Napi::Env env, Napi::Object exports);

}  // namespace sluice
