#pragma once

#include <memory>
#include <utility>

#include "bench/hub/rig.hpp"
#include "bench/hub/scripts.hpp"
#include "bench/measure/drive.hpp"
#include "bench/measure/turns.hpp"

namespace perkline::bench {

/// Connections that members call over.
inline constexpr std::size_t member_connections = 64;

/// A script over connections of its own against one server.
template <class Script>
class MemberCalls {
 public:
  using Owner = std::unique_ptr<MemberCalls>;

  /// `members` outlives it. Errors: connection_failed.
  template <class... Arguments>
  static Result<Owner> connect(HubRig& rig, const std::vector<Member>& members, Arguments&&... arguments) {
    auto calls = connect(rig.port(), rig.pid(), members, std::forward<Arguments>(arguments)...);
    if (calls) (*calls)->database_ = rig.database_pid();
    return calls;
  }
  template <class... Arguments>
  static Result<Owner> connect(std::uint16_t port, pid_t server, const std::vector<Member>& members,
                               Arguments&&... arguments) {
    Owner calls(new MemberCalls(server, members, std::forward<Arguments>(arguments)...));
    auto load = HttpLoad::connect({.port = port, .connections = member_connections}, calls->script);
    if (!load) return failure(load);
    calls->load_ = std::move(*load);
    return calls;
  }

  /// One turn.
  Result<Figures> run(const MeasureOptions& options, const TurnProgress& progress) {
    return drive(*load_, {.warm_up = options.warm_up,
                          .time = options.time,
                          .rate = options.rate,
                          .server = server_,
                          .database = database_,
                          .stop = options.stop,
                          .progress = progress});
  }
  Contestant contestant(std::string name, const MeasureOptions& options) {
    return {.name = std::move(name),
            .turn = [this, &options](const TurnProgress& progress) { return run(options, progress); }};
  }

  Script script;

 private:
  template <class... Arguments>
  MemberCalls(pid_t server, const std::vector<Member>& members, Arguments&&... arguments)
      : script(members, std::forward<Arguments>(arguments)...), server_(server) {}

  pid_t server_;
  pid_t database_ = 0;
  std::unique_ptr<HttpLoad> load_;
};

}  // namespace perkline::bench
