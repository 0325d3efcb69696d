#include "edge/obeying.hpp"

#include "shared/ops/log.hpp"

namespace perkline::edge {

Task<void> Obeying::obey(sync::Command command) {
  switch (command.kind) {
    case sync::CommandKind::log_level:
      set_log_level(command);
      break;
    case sync::CommandKind::rotate_key:
      rotate(command);
      break;
    case sync::CommandKind::key_let_in:
      co_await come_with(std::move(command));
      break;
  }
}

/// Until the next start, or the next change of log.level.
void Obeying::set_log_level(const sync::Command& command) {
  const auto level = ops::level_named(command.argument);
  if (!level) return answer(command, sync::CommandOutcome::refused, "no such level");
  ops::log(ops::Level::info, "daemon", "the hub has set the log's level", {{"level", command.argument}});
  ops::set_log_level(*level);
  answer(command, sync::CommandOutcome::done);
}

void Obeying::rotate(const sync::Command& command) {
  auto offered = parts_.key.offer();
  if (offered) return answer(command, sync::CommandOutcome::key_offered, std::move(*offered));
  ops::log(ops::Level::error, "daemon", "a new key for the hub cannot be kept",
           {{"reason", offered.error().detail}});
}

Task<void> Obeying::come_with(sync::Command command) {
  if (parts_.key.current().public_key == command.argument)
    co_return answer(command, sync::CommandOutcome::key_in_use, command.argument);
  if (std::exchange(coming_, true)) co_return;
  co_await parts_.clock.sleep(let_in_everywhere);
  coming_ = false;
  const auto taken = parts_.key.take_over(command.argument);
  if (!taken) {
    ops::log(ops::Level::error, "daemon", "the new key for the hub cannot be kept",
             {{"reason", taken.error().detail}});
    co_return;
  }
  // Lost here, with its file: another one is offered in its place.
  if (!*taken) co_return rotate(command);
  ops::log(ops::Level::info, "daemon", "a new key is used for the hub",
           {{"publicKey", parts_.key.current().public_key}});
  parts_.use_key(parts_.key.current());
  // With the first connection under it; if it is lost the hub asks again.
  answer(command, sync::CommandOutcome::key_in_use, command.argument);
}

void Obeying::answer(const sync::Command& command, sync::CommandOutcome outcome, std::string detail) const {
  if (parts_.answer) parts_.answer({.id = command.id, .outcome = outcome, .detail = std::move(detail)});
}

}  // namespace perkline::edge
