#pragma once

#include <napi.h>

namespace sluice {

// Adds `createSharedMemory` and `mapSharedMemory`.
void RegisterSharedMemory(Napi::Env env, Napi::Object exports);

}  // namespace sluice
