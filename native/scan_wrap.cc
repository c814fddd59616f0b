#include "scan_wrap.h"

#include <cstring>
#include <vector>

#include "client_hello.h"

namespace sluice {

namespace {

class ScannerWrap : public Napi::ObjectWrap<ScannerWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "HelloScanner",
                       {InstanceMethod<&ScannerWrap::Scan>("scan"), InstanceMethod<&ScannerWrap::Reset>("reset"),
                        InstanceAccessor<&ScannerWrap::Facts>("facts"),
                        InstanceAccessor<&ScannerWrap::Message>("message")});
  }

  // new HelloScanner(maxHelloBytes: number)
  explicit ScannerWrap(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<ScannerWrap>(info),
        max_hello_bytes_(static_cast<size_t>(info[0].ToNumber().Int64Value())),
        scanner_(max_hello_bytes_),
        facts_(Napi::Persistent(Napi::Int32Array::New(info.Env(), kHelloFactCount))) {
    WriteFacts(HelloFacts());
  }

 private:
  // scan(input: Uint8Array): number
  Napi::Value Scan(const Napi::CallbackInfo& info) {
    if (!info[0].IsTypedArray()) {
      Napi::TypeError::New(info.Env(), "input must be a Uint8Array").ThrowAsJavaScriptException();
      return info.Env().Undefined();
    }
    if (status_ == HelloStatus::kIncomplete) {
      const auto input = info[0].As<Napi::Uint8Array>();
      HelloFacts facts;
      status_ = scanner_.Scan(input.Data(), input.ByteLength(), &facts);
      WriteFacts(facts);
      // The input may be gone when the message is asked for.
      if (status_ == HelloStatus::kComplete) {
        message_.assign(scanner_.message(), scanner_.message() + facts.message_bytes);
      }
    }
    return Napi::Number::New(info.Env(), static_cast<double>(status_));
  }

  void Reset(const Napi::CallbackInfo&) {
    scanner_ = HelloScanner(max_hello_bytes_);
    status_ = HelloStatus::kIncomplete;
    message_.clear();
    WriteFacts(HelloFacts());
  }

  Napi::Value Facts(const Napi::CallbackInfo&) { return facts_.Value(); }

  Napi::Value Message(const Napi::CallbackInfo& info) {
    auto message = Napi::Uint8Array::New(info.Env(), message_.size());
    if (!message_.empty()) std::memcpy(message.Data(), message_.data(), message_.size());
    return message;
  }

  void WriteFacts(const HelloFacts& facts) { std::memcpy(facts_.Value().Data(), &facts, sizeof(facts)); }

  const size_t max_hello_bytes_;
  HelloScanner scanner_;
  HelloStatus status_ = HelloStatus::kIncomplete;
  std::vector<uint8_t> message_;
  Napi::Reference<Napi::Int32Array> facts_;
};

}  // namespace

void RegisterScan(Napi::Env env, Napi::Object exports) { exports.Set("HelloScanner", ScannerWrap::Define(env)); }

}  // namespace sluice
