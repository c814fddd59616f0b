#pragma once

#include <napi.h>

namespace sluice {

// Exports refuseSyns, admitSyns and acceptQueueLength, each of a listening socket's descriptor.
void RegisterAcceptQueue(Napi::Env env, Napi::Object exports);

}  // namespace sluice
