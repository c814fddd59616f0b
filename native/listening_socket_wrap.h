#pragma once

#include <napi.h>

namespace sluice {

// Exports openListeningSocket, and of a descriptor: sharePort, dealTo (with a count) and isListening.
void RegisterListeningSocket(Napi::Env env, Napi::Object exports);

}  // namespace sluice
