// The kind of the Error that a call throws.
#pragma once

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {

// Calls f(). If it throws no Error, the test fails.
template<typename F>
ErrorKind thrown_kind(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::internal;
}

}  // namespace osb::test
