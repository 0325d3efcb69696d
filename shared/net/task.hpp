#pragma once

#include <boost/asio/awaitable.hpp>

namespace perkline {

/// A coroutine of ours. It never throws: what can fail returns Result. Parameters go by value (a reference
/// parameter must outlive the task), and no lambda with captures is a coroutine: its captures die before its
/// frame does.
template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace perkline
