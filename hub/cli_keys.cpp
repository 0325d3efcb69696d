#include <fmt/format.h>

#include "hub/commands.hpp"
#include "shared/config/private_file.hpp"
#include "shared/net/link.hpp"

namespace perkline::hub {

int keygen(const std::string& out_path) {
  const net::CurveKeys keys = net::make_curve_keys();
  if (auto written = config::make_private_file(out_path, keys.secret_key + '\n'); !written)
    return report(written.error());
  fmt::print("{}\n", keys.public_key);
  return exit_ok;
}

}  // namespace perkline::hub
