// What Beast does by itself: small JSON is posted and a small JSON answered, nothing is read or kept.
#include <CLI/CLI.hpp>

#include "bench/ceiling/beast_server.hpp"

int main(int argc, char** argv) {
  CLI::App app("HTTP only: a bare Beast server on one thread", "ceiling-http");
  CLI11_PARSE(app, argc, argv);

  ceiling::asio::io_context io(1);
  const std::string answer = R"({"sessionId":"sess_0","status":"active","tier":"Base","mode":"standin"})";
  const ceiling::Server server(io, [&](const std::string&, const ceiling::Reply& reply) { reply(answer); });
  io.run();
}
