#pragma once

#include <napi.h>

namespace sluice {

// Exports `notifySocket`.
void RegisterNotifySocket(Napi::Env env, Napi::Object exports);

}  // namespace sluice
