#include <csignal>
#include <cstdlib>

#include "base/interrupt.hh"
#include "base/standard_files.hh"
#include "cli/run.hh"

int main(int argc, char** argv) {
    if (!osb::fill_standard_files()) return EXIT_FAILURE;
    // If the reader of a pipe has ended (`| head`), write() must fail with an error, which is reported,
    // instead of ending the process.
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): cannot fail for this signal
    // The same for a file that becomes larger than `ulimit -f` allows.
    std::signal(SIGXFSZ, SIG_IGN);  // NOLINT(cert-err33-c)
    // GIO would ask D-Bus for files, in threads of its own, where a desktop is installed. There is one
    // thread.
    ::setenv("GIO_USE_VFS", "local", 0);  // NOLINT(concurrency-mt-unsafe,cert-err33-c): it also works without
    osb::install_interrupt_handlers();
    osb::cli::Io io = osb::cli::process_io();
    return osb::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc}, io);
}
