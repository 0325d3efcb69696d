#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "shared/net/async_clock.hpp"
#include "shared/net/signal.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::edge::programme {

/// Asks the hub what only it can say, and waits no longer than a till may. Without a hub nobody answers.
/// Reactor's thread.
class HubDesk {
 public:
  struct Line {
    std::function<void(const sync::Frame&)> send;
    std::function<bool()> is_up;           ///< Whether an answer can be expected.
    std::function<bool()> is_forked = {};  ///< Whether there may be two of this store; empty: never.
  };

  /// `clock` must outlive it.
  explicit HubDesk(net::AsyncClock& clock) : clock_(clock) {}
  void connect(Line line) { line_ = std::move(line); }
  bool has_hub() const { return static_cast<bool>(line_.send); }
  bool is_up() const { return line_.is_up && line_.is_up(); }
  bool is_forked() const { return line_.is_forked && line_.is_forked(); }

  /// nullopt: there is no answer by `deadline`; a later one goes nowhere.
  Task<std::optional<sync::SpinReserved>> reserve(sync::SpinReserve request, MonoTime deadline);
  Task<std::optional<sync::ClaimAnswer>> claim(sync::ClaimRequest request, MonoTime deadline);
  Task<std::optional<sync::MemberAnswer>> tell_of(sync::MemberRequest request, MonoTime deadline);

  /// Whether the frame is such an answer: it is taken then.
  bool hear(const sync::Frame& frame);

 private:
  template <class Reply>
  struct Asked {
    std::optional<Reply> reply;
    net::Signal given;
  };
  template <class Reply>
  using Asking = std::map<Uuid, std::shared_ptr<Asked<Reply>>>;
  template <class Reply>
  Task<std::optional<Reply>> ask(Asking<Reply>& asking, Uuid id, sync::Frame request, MonoTime deadline);
  template <class Reply>
  static void give(Asking<Reply>& asking, const Uuid& id, const Reply& reply);

  net::AsyncClock& clock_;
  Line line_;
  Asking<sync::SpinReserved> reserving_;
  Asking<sync::ClaimAnswer> claiming_;
  Asking<sync::MemberAnswer> asking_members_;
};

}  // namespace perkline::edge::programme
