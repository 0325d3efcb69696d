#pragma once

#include <atomic>
#include <filesystem>
#include <string>

namespace perkline::bench {

struct DemoOptions {
  std::filesystem::path bin_dir;
  std::filesystem::path state_dir = ".demo";  ///< Emptied; refused unless it is an earlier run's, or empty.
  std::uint16_t port_base = 7000;
  int seconds = 30;
  bool once = false;
  std::string baskets_file;  ///< Empty: receipts of our own making.
  /// Where npm's smtp-server is (MailServer::Options::npm_dir); empty, or not there: the hub mails nobody.
  std::filesystem::path mail_dir;
};

/// Starts a fleet and plays tills through a normal spell, outages of PDI and hub and an edge killed with -9,
/// points being redeemed and goods coming back all along; then three members' journey through the programme
/// (Journey); then holds tills, PDI and hub against each other.
/// Unless `once`, stays up until `stop`. 0: all agree and every figure of the journey is right; 1: not, or
/// something did not start.
int run_demo(const DemoOptions& options, const std::atomic<bool>& stop);

}  // namespace perkline::bench
