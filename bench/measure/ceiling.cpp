#include "bench/measure/ceiling.hpp"

#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "bench/measure/process.hpp"
#include "shared/json/value.hpp"

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds start_patience{20};

double number_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || !value->is(json::Value::Kind::number)
             ? 0
             : std::strtod(std::string(value->text()).c_str(), nullptr);
}

}  // namespace

Result<Figures> run_ceiling(const CeilingProgram& program) {
  const OnCore on(program.core);
  const auto output = run_command(program.bin_dir / program.name, program.arguments);
  if (!output) return std::unexpected(output.error());
  const auto told = json::parse(output->out);
  if (output->status != 0 || !told || number_at(told->root(), "operations") <= 0) {
    return fail(Errc::io_failed, fmt::format("{} exited with {}: {}{}", program.name, output->status,
                                             output->err, output->out));
  }
  const json::Value& root = told->root();
  const double operations = number_at(root, "operations");
  constexpr double millis_of_second = 1000;
  return Figures{.operations = static_cast<std::uint64_t>(operations),
                 .seconds = number_at(root, "seconds"),
                 .cpu_seconds = number_at(root, "cpuMsPerOperation") * operations / millis_of_second,
                 .rss_mib = number_at(root, "rssMiB"),
                 .p50_us = number_at(root, "p50Us"),
                 .p99_us = number_at(root, "p99Us"),
                 .p999_us = number_at(root, "p999Us")};
}

Result<CeilingServer> CeilingServer::start(const CeilingProgram& program,
                                           const std::filesystem::path& log_file) {
  std::error_code ignored;
  std::filesystem::remove(log_file, ignored);
  const OnCore on(program.core);
  auto child = Child::start(program.bin_dir / program.name, program.arguments, log_file);
  if (!child) return failure(child);
  const auto give_up = std::chrono::steady_clock::now() + start_patience;
  std::string line;
  while (std::chrono::steady_clock::now() < give_up && child->running()) {
    std::ifstream log(log_file);
    if (std::getline(log, line) && !log.eof()) {
      const auto told = json::parse(line);
      const double port = told ? number_at(told->root(), "port") : 0;
      if (port > 0) return CeilingServer(std::move(*child), static_cast<std::uint16_t>(port));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return fail(Errc::io_failed, fmt::format("{} does not serve: {}", program.name, line));
}

}  // namespace perkline::bench
