// The fuzzer's commands on policies. Options that change what other commands do are left to tests
// of their own: here it counts that what was set stays, whatever happens to the object.
#include <string>
#include <vector>

#include "tests/model/fuzzer_calls.h"

namespace tests {

using engine::Group;
using engine::GroupOption;
using engine::Op;
using engine::PolicyChange;
using engine::PolicySetting;
using engine::Status;
using engine::Stream;
using engine::StreamOption;

void Fuzzer::SetPolicy() {
  if (!exists() || model().text.has_value()) {
    return;
  }
  const bool of_group = PickGroup() && OneIn(2);
  const auto options =
      of_group ? std::vector<uint8_t>{static_cast<uint8_t>(GroupOption::kDeadLetterMaxLen),
                                      static_cast<uint8_t>(GroupOption::kIsolateLast)}
               : std::vector<uint8_t>{static_cast<uint8_t>(StreamOption::kOverflow),
                                      static_cast<uint8_t>(StreamOption::kOverflowTimeout)};
  PolicyChange change;
  for (const uint8_t option : options) {
    if (OneIn(3)) {
      change.to_default.push_back(option);
    } else if (OneIn(2)) {
      PolicySetting setting;
      setting.option = option;
      setting.numbers[0] = static_cast<int64_t>(Draw(2));
      change.set.push_back(setting);
    }
  }
  Note("set policy " + std::to_string(db_) + "/" + key_ + (of_group ? " " + group_ : ""));
  const Status status = of_group ? OnGroup([&](Op& op, Stream& stream, Group& group) -> Status {
    engine_->SetPolicy(op, stream, group, change);
    return engine::OkStatus();
  })
                                 : OnStream([&](Op& op, Stream& stream) -> Status {
                                     engine_->SetPolicy(op, stream, change);
                                     return engine::OkStatus();
                                   });
  Expect(status.ok(), "set policy");
  ApplyPolicy(change, of_group ? &model_group().policy : &model().policy);
}

}  // namespace tests
