#include <napi.h>

#include "accept_queue_wrap.h"
#include "engine_wrap.h"
#include "listening_socket_wrap.h"
#include "notify_socket_wrap.h"
#include "proxy_header_wrap.h"
#include "scan_wrap.h"
#include "shared_memory_wrap.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  sluice::RegisterAcceptQueue(env, exports);
  sluice::RegisterEngine(env, exports);
  sluice::RegisterListeningSocket(env, exports);
  sluice::RegisterNotifySocket(env, exports);
  sluice::RegisterProxyHeader(env, exports);
  sluice::RegisterScan(env, exports);
  sluice::RegisterSharedMemory(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sluice, Init)
