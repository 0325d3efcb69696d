#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace perkline::pdi {

/// How many calls may be under way at a time. A place is given back when it goes, on every way out; it may
/// outlive this, as a flow that still waits is destroyed with its reactor. One thread.
class Places {
 public:
  explicit Places(std::size_t count) : count_(count) {}

  class Place {
   public:
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) noexcept = default;
    explicit operator bool() const { return token_ != nullptr; }

   private:
    friend Places;
    explicit Place(std::shared_ptr<const int> token) : token_(std::move(token)) {}
    std::shared_ptr<const int> token_;
  };
  /// False: none is free.
  Place take() { return Place(taken() < count_ ? token_ : nullptr); }
  std::size_t taken() const { return static_cast<std::size_t>(token_.use_count()) - 1; }

 private:
  std::size_t count_;
  std::shared_ptr<const int> token_ = std::make_shared<const int>(0);  ///< Each place shares it.
};

}  // namespace perkline::pdi
