#include "client_hello.h"

#include <algorithm>
#include <cstring>

#include "hello_body.h"

namespace sluice {

namespace {

constexpr size_t kRecordHeaderBytes = 5;
// TLSPlaintext.length is at most 2^14 (RFC 8446 section 5.1).
constexpr size_t kMaxRecordBytes = 16384;
constexpr size_t kMessageHeaderBytes = 4;
constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kClientHelloMessage = 1;

void SetIncomplete(HelloFacts* facts, size_t needed_bytes) {
  facts->status = HelloStatus::kIncomplete;
  facts->needed_bytes = static_cast<int32_t>(needed_bytes);
}

void SetMalformed(HelloFacts* facts, MalformedReason reason) {
  *facts = HelloFacts();
  facts->status = HelloStatus::kMalformed;
  facts->malformed_reason = reason;
}

size_t RecordBytes(const uint8_t* header) { return static_cast<size_t>(header[3]) << 8 | header[4]; }

}  // namespace

HelloStatus HelloScanner::Scan(const uint8_t* input, size_t size, HelloFacts* facts) {
  *facts = HelloFacts();
  for (;;) {
    if (payload_end_ == 0 && !ReadRecordHeader(input, size, facts)) return facts->status;
    if (message_bytes_ == 0 && !ReadMessageHeader(input, size, facts)) return facts->status;
    const size_t message_end = record_offset_ + kRecordHeaderBytes + message_bytes_ - earlier_bytes_;
    if (message_bytes_ > 0 && message_end <= payload_end_) {
      if (size >= message_end) return Complete(input, message_end, facts);
      SetIncomplete(facts, message_end);
      return facts->status;
    }
    if (size <= payload_end_) {
      SetIncomplete(facts, payload_end_ + 1);
      return facts->status;
    }
    earlier_bytes_ += static_cast<uint32_t>(payload_end_ - record_offset_ - kRecordHeaderBytes);
    record_offset_ = payload_end_;
    payload_end_ = 0;
  }
}

// False when `facts` has the verdict, for now or for good.
bool HelloScanner::ReadRecordHeader(const uint8_t* input, size_t size, HelloFacts* facts) {
  const uint8_t* header = input + record_offset_;
  const size_t available = size - record_offset_;
  if (available < 1) {
    SetIncomplete(facts, record_offset_ + 1);
  } else if (header[0] != kHandshakeRecord && record_offset_ == 0) {
    facts->status = HelloStatus::kNotTls;
  } else if (header[0] != kHandshakeRecord) {
    SetMalformed(facts, MalformedReason::kRecordType);
  } else if (available < 2) {
    SetIncomplete(facts, record_offset_ + 2);
  } else if (header[1] != 3) {
    SetMalformed(facts, MalformedReason::kRecordVersion);
  } else if (available < kRecordHeaderBytes) {
    SetIncomplete(facts, record_offset_ + kRecordHeaderBytes);
  } else if (RecordBytes(header) == 0) {
    SetMalformed(facts, MalformedReason::kEmptyRecord);
  } else if (RecordBytes(header) > kMaxRecordBytes) {
    SetMalformed(facts, MalformedReason::kRecordLength);
  } else {
    record_count_++;
    payload_end_ = record_offset_ + kRecordHeaderBytes + RecordBytes(header);
    if (LeastWireBytes() <= max_hello_bytes_) return true;
    facts->status = HelloStatus::kTooLarge;
  }
  return false;
}

// Reads as much of the message's type and length as the current record carries. False when `facts` has the verdict.
bool HelloScanner::ReadMessageHeader(const uint8_t* input, size_t size, HelloFacts* facts) {
  const size_t payload_start = record_offset_ + kRecordHeaderBytes;
  if (earlier_bytes_ == 0) {
    if (size <= payload_start) {
      SetIncomplete(facts, payload_start + 1);
      return false;
    }
    if (input[payload_start] != kClientHelloMessage) {
      SetMalformed(facts, MalformedReason::kHandshakeType);
      return false;
    }
  }
  const size_t header_end = payload_start + kMessageHeaderBytes - earlier_bytes_;
  // A record that ends inside the header tells nothing until the next one begins.
  const size_t needed_bytes = header_end <= payload_end_ ? header_end : payload_end_ + 1;
  if (size < needed_bytes) {
    SetIncomplete(facts, needed_bytes);
    return false;
  }
  const size_t end = std::min(header_end, payload_end_);
  for (size_t at = payload_start; at < end; at++) message_header_ = message_header_ << 8 | input[at];
  if (end < header_end) return true;
  message_bytes_ = static_cast<uint32_t>(kMessageHeaderBytes) + (message_header_ & 0xffffff);
  if (LeastWireBytes() <= max_hello_bytes_) return true;
  facts->status = HelloStatus::kTooLarge;
  return false;
}

// The fewest bytes the hello can have on the wire: whatever the current record lacks comes in the largest records.
size_t HelloScanner::LeastWireBytes() const {
  const size_t message_bytes = message_bytes_ == 0 ? kMessageHeaderBytes : message_bytes_;
  const size_t message_end = record_offset_ + kRecordHeaderBytes + message_bytes - earlier_bytes_;
  if (message_end <= payload_end_) return message_end;
  const size_t missing = message_end - payload_end_;
  return message_end + kRecordHeaderBytes * ((missing + kMaxRecordBytes - 1) / kMaxRecordBytes);
}

HelloStatus HelloScanner::Complete(const uint8_t* input, size_t message_end, HelloFacts* facts) {
  if (record_count_ == 1) {
    message_ = input + kRecordHeaderBytes;
  } else {
    Reassemble(input);
  }
  const MalformedReason reason = ReadHelloBody(message_, message_bytes_, facts);
  if (reason != MalformedReason::kNone) {
    SetMalformed(facts, reason);
    return facts->status;
  }
  facts->status = HelloStatus::kComplete;
  facts->wire_bytes = static_cast<int32_t>(message_end);
  facts->message_bytes = static_cast<int32_t>(message_bytes_);
  facts->record_count = record_count_;
  if (record_count_ > 1) facts->features |= hello_feature::kMultiRecord;
  return facts->status;
}

// Joins the payloads of records whose framing has been checked.
void HelloScanner::Reassemble(const uint8_t* input) {
  reassembled_ = std::make_unique<uint8_t[]>(message_bytes_);
  message_ = reassembled_.get();
  size_t filled = 0;
  for (const uint8_t* header = input; filled < message_bytes_; header += kRecordHeaderBytes + RecordBytes(header)) {
    const size_t taken = std::min(RecordBytes(header), message_bytes_ - filled);
    std::memcpy(reassembled_.get() + filled, header + kRecordHeaderBytes, taken);
    filled += taken;
  }
}

}  // namespace sluice
