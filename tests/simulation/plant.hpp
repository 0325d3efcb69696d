#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace perkline::simulation {

/// A bug put into the chain to see that the simulation finds it. Most are planted at a port, with the
/// production code as it is; those of shared/core/planted.hpp need a binary of their own
/// (perkline-sim-planted).
enum class Plant : std::uint8_t {
  none,
  ack_before_sync,          ///< The journal's commit returns before what it wrote is synced.
  blind_finalize_retry,     ///< finalize is sent again when no answer comes.
  unasked_resend,           ///< A finalize in doubt is sent again without asking PDI for its status.
  lost_answer_is_unsent,    ///< What was sent and not answered is taken for not sent.
  past_the_breaker,         ///< Tills' calls go to PDI whatever the breaker says.
  wall_clock_timers,        ///< Settlement's times are by the wall clock.
  forgotten_redemptions,    ///< Offline redemptions are not written down with their sale.
  sent_is_acknowledged,     ///< An event counts as the hub's once it was handed to the line.
  cursor_in_its_own_write,  ///< The hub moves a store's cursor, and applies the events in another
                            ///< transaction.
  forgotten_units,          ///< A lease's unit is not written down with the draw that gave it away.
  forgotten_reservations,   ///< That the hub is asked to keep prizes for a spin is not written down before.
  lost_permit,
  wall_clock_expiry,
  refresh_stampede,
};
inline constexpr std::array plant_names{std::string_view("none"),
                                        std::string_view("ack_before_sync"),
                                        std::string_view("blind_finalize_retry"),
                                        std::string_view("unasked_resend"),
                                        std::string_view("lost_answer_is_unsent"),
                                        std::string_view("past_the_breaker"),
                                        std::string_view("wall_clock_timers"),
                                        std::string_view("forgotten_redemptions"),
                                        std::string_view("sent_is_acknowledged"),
                                        std::string_view("cursor_in_its_own_write"),
                                        std::string_view("forgotten_units"),
                                        std::string_view("forgotten_reservations"),
                                        std::string_view("lost_permit"),
                                        std::string_view("wall_clock_expiry"),
                                        std::string_view("refresh_stampede")};
constexpr std::string_view name_of(Plant plant) {
  return plant_names[static_cast<std::size_t>(plant)];
}

/// That of the run under way, or of the last one.
Plant plant_under_way();

}  // namespace perkline::simulation
