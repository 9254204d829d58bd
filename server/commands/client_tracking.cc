#include "server/commands/client_tracking.h"

#include <cstdint>

#include "server/core/args.h"
#include "server/core/server_context.h"

namespace server {
namespace {

struct TrackingOptions {
  bool on = false;
  bool broadcasts = false;
  bool opt_in = false;
  bool opt_out = false;
  bool has_prefix = false;
};

Outcome ReadOptions(CommandContext& context, TrackingOptions* options) {
  Args args(context.args, 3);
  while (args.more()) {
    if (args.WordWithValues("REDIRECT", 1)) {
      const int64_t id = args.Integer();
      if (args.failed()) break;
      if (id < 1 || context.server.clients().Find(static_cast<ClientId>(id)) == nullptr) {
        return Error::kTrackingRedirect;
      }
    } else if (args.WordWithValues("PREFIX", 1)) {
      args.Text();
      options->has_prefix = true;
    } else if (args.Word("BCAST")) {
      options->broadcasts = true;
    } else if (args.Word("OPTIN")) {
      options->opt_in = true;
    } else if (args.Word("OPTOUT")) {
      options->opt_out = true;
    } else if (!args.Word("NOLOOP")) {
      return Error::kSyntax;
    }
  }
  RETURN_IF_FAILED(args.Finish());
  Args mode(context.args.first(3), 2);
  options->on = mode.Word("ON");
  if (!options->on) mode.Word("OFF");
  return mode.Finish();
}

}  // namespace

Outcome CmdClientTracking(CommandContext& context) {
  TrackingOptions options;
  RETURN_IF_FAILED(ReadOptions(context, &options));
  if (options.on) {
    if (options.has_prefix && !options.broadcasts) return Error::kTrackingPrefix;
    if (options.broadcasts && (options.opt_in || options.opt_out)) return Error::kTrackingBroadcast;
    if (options.opt_in && options.opt_out) return Error::kTrackingOptInOut;
    return Error::kTrackingUnsupported;
  }
  context.out.SimpleString("OK");
  return Done();
}

Outcome CmdClientTrackingInfo(CommandContext& context) {
  context.out.MapHeader(3);
  context.out.Bulk("flags");
  context.out.SetHeader(1);
  context.out.Bulk("off");
  context.out.Bulk("redirect");
  context.out.Integer(-1);
  context.out.Bulk("prefixes");
  context.out.ArrayHeader(0);
  return Done();
}

Outcome CmdClientGetRedir(CommandContext& context) {
  context.out.Integer(-1);
  return Done();
}

Outcome CmdClientCaching(CommandContext&) { return Error::kTrackingOff; }

}  // namespace server
