#include <napi.h>

#include "engine_wrap.h"
#include "scan_wrap.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  sluice::RegisterEngine(env, exports);
  sluice::RegisterScan(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sluice, Init)
