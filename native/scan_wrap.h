#pragma once

#include <napi.h>

namespace sluice {

// Exports `HelloScanner`, the C++ scanner with the methods and properties of the TypeScript one, so that one set of
// tests runs on both.
void RegisterScan(Napi::Env env, Napi::Object exports);

}  // namespace sluice
