#pragma once

#include <napi.h>

namespace sluice {

// Exports `openListeningSocket`.
void RegisterListeningSocket(Napi::Env env, Napi::Object exports);

}  // namespace sluice
