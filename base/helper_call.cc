#include "base/helper_call.hh"

#include <sys/mman.h>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/helper_process.hh"
#include "base/pipe.hh"
#include "base/subprocess.hh"

namespace osb {

bool has_helper() noexcept {
    return HelperProcess::current() != nullptr;
}

std::string call_helper(const std::string& name, const std::string& input) {
    const Fd file(::memfd_create("osb-oci", MFD_CLOEXEC));
    if (!file) throw_errno("cannot make a file in memory");
    write_all(file.get(), as_bytes(input), "a file in memory");
    Pipe output = make_pipe();
    Subprocess child({.argv = {name},
                      .is_function = true,
                      .environment = {},
                      .inherited = {{file.get(), kFunctionInput}, {output.writer.get(), kFunctionOutput}}});
    output.writer.close();
    FdSource source(std::move(output.reader), "the output");
    std::string out = read_all(source, kMaxFunctionData, concat("the output of ", quoted(name)));
    child.wait();
    return out;
}

}  // namespace osb
