#include "edge/programme/hub_desk.hpp"

namespace perkline::edge::programme {

template <class Reply>
Task<std::optional<Reply>> HubDesk::ask(Asking<Reply>& asking, Uuid id, sync::Frame request,
                                        MonoTime deadline) {
  const auto asked = std::make_shared<Asked<Reply>>();
  asking[id] = asked;
  line_.send(request);
  (void)co_await clock_.wait_for(asked->given, deadline);
  asking.erase(id);
  co_return std::move(asked->reply);
}

template <class Reply>
void HubDesk::give(Asking<Reply>& asking, const Uuid& id, const Reply& reply) {
  const auto found = asking.find(id);
  if (found == asking.end()) return;
  found->second->reply = reply;
  found->second->given.notify();
}

Task<std::optional<sync::SpinReserved>> HubDesk::reserve(sync::SpinReserve request, MonoTime deadline) {
  const Uuid id = request.spin;
  co_return co_await ask(reserving_, id, std::move(request), deadline);
}

Task<std::optional<sync::ClaimAnswer>> HubDesk::claim(sync::ClaimRequest request, MonoTime deadline) {
  const Uuid id = request.claim;
  co_return co_await ask(claiming_, id, std::move(request), deadline);
}

Task<std::optional<sync::MemberAnswer>> HubDesk::tell_of(sync::MemberRequest request, MonoTime deadline) {
  const Uuid id = request.id;
  co_return co_await ask(asking_members_, id, std::move(request), deadline);
}

bool HubDesk::hear(const sync::Frame& frame) {
  if (const auto* reserved = std::get_if<sync::SpinReserved>(&frame)) {
    give(reserving_, reserved->spin, *reserved);
    return true;
  }
  if (const auto* answer = std::get_if<sync::ClaimAnswer>(&frame)) {
    give(claiming_, answer->claim, *answer);
    return true;
  }
  if (const auto* told = std::get_if<sync::MemberAnswer>(&frame)) {
    give(asking_members_, told->id, *told);
    return true;
  }
  return false;
}

}  // namespace perkline::edge::programme
