#include "server/commands/debug_protocol.h"

#include <cstddef>
#include <string_view>

#include "server/core/text.h"

namespace server {
namespace {

constexpr int kSampleItems = 3;

void WriteItems(resp::Writer& out) {
  for (int i = 0; i < kSampleItems; ++i) out.Integer(i);
}

void WriteMap(resp::Writer& out) {
  out.MapHeader(kSampleItems);
  for (int i = 0; i < kSampleItems; ++i) {
    out.Integer(i);
    out.Boolean(i == 1);
  }
}

// RESP2 knows no attributes: the reply stands alone.
void WriteAttribute(resp::Writer& out) {
  if (out.protocol() == 3) {
    out.Raw("|1\r\n");
    out.Bulk("key-popularity");
    out.ArrayHeader(2);
    out.Bulk("key:123");
    out.Integer(90);
  }
  out.Bulk("Some real reply following the attribute");
}

void WritePush(resp::Writer& out) {
  out.PushHeader(2);
  out.Bulk("server-cpu-usage");
  out.Integer(42);
  out.Bulk("Some real reply following the push reply");
}

struct Sample {
  std::string_view name;
  void (*write)(resp::Writer& out);
};
constexpr Sample kSamples[] = {
    {"string", [](resp::Writer& out) { out.Bulk("Hello World"); }},
    {"integer", [](resp::Writer& out) { out.Integer(12345); }},
    {"double", [](resp::Writer& out) { out.Double(3.141); }},
    {"bignum", [](resp::Writer& out) { out.BigNumber("1234567999999999999999999999999999999"); }},
    {"null", [](resp::Writer& out) { out.Null(); }},
    {"array",
     [](resp::Writer& out) {
       out.ArrayHeader(kSampleItems);
       WriteItems(out);
     }},
    {"set",
     [](resp::Writer& out) {
       out.SetHeader(kSampleItems);
       WriteItems(out);
     }},
    {"map", WriteMap},
    {"attrib", WriteAttribute},
    {"push", WritePush},
    {"verbatim", [](resp::Writer& out) { out.Verbatim("This is a verbatim\nstring"); }},
    {"true", [](resp::Writer& out) { out.Boolean(true); }},
    {"false", [](resp::Writer& out) { out.Boolean(false); }},
};

}  // namespace

Outcome WriteProtocolSample(CommandContext& context) {
  for (const Sample& sample : kSamples) {
    if (!EqualsIgnoreCase(context.args[2], sample.name)) continue;
    if (sample.write == WritePush && context.out.protocol() == 2) return Error::kNeedsResp3;
    sample.write(context.out);
    return Done();
  }
  return Error::kProtocolSample;
}

}  // namespace server
