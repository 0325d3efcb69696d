#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// When promotions may be claimed, and which may not run beside one another (contract.md §6). Pure; hub and
/// edge judge alike.
namespace perkline::loyalty {

/// Stored and sent by name.
enum class PromotionType : std::uint8_t { welcome_bonus = 1, vip_promotion, bonus };
inline constexpr std::array promotion_types{PromotionType::welcome_bonus, PromotionType::vip_promotion,
                                            PromotionType::bonus};
/// `WELCOME_BONUS`, `VIP_PROMOTION`, `BONUS`.
std::string_view name_of(PromotionType type);
std::optional<PromotionType> find_promotion_type(std::string_view name);

/// When a promotion runs: days of UTC, both of them part of it.
struct PromotionTerm {
  bool is_active = false;  ///< Staff's switch: else it does not run at all.
  std::chrono::sys_days first = {};
  std::chrono::sys_days last = {};
  bool operator==(const PromotionTerm&) const = default;
};

/// Whether it may be assigned and claimed on that day.
bool runs_on(const PromotionTerm& term, std::chrono::sys_days day);

/// Whether there is a day on which both run.
bool overlap(const PromotionTerm& a, const PromotionTerm& b);

/// Whether no two promotions of this type may overlap: a member who joins gets the one that runs.
bool runs_alone(PromotionType type);

}  // namespace perkline::loyalty
