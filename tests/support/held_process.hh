// A process that does not end for its parent, even killed: while somebody else traces it, the kernel tells
// its parent nothing of its end. So it stands for one that waits in the kernel for ever, which no test can
// make.
#pragma once

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/pipe.hh"

namespace osb::test {

class HeldProcess {
  public:
    explicit HeldProcess(pid_t pid) {
        Pipe pipe = make_pipe();
        Pipe life = make_pipe();
        tracer_ = ::fork();
        if (tracer_ == 0) {
            keep_only(pipe.writer.get(), life.reader.get());
            const char ok = ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 1 : 0;
            static_cast<void>(::write(pipe.writer.get(), &ok, 1) == 1);
            char end = 0;  // of the test, however it ends
            while (::read(life.reader.get(), &end, 1) > 0) {
            }
            ::_exit(0);
        }
        life_ = std::move(life.writer);
        pipe.writer.close();
        char ok = 0;
        is_held_ = ::read(pipe.reader.get(), &ok, 1) == 1 && ok == 1;
    }
    HeldProcess(const HeldProcess&) = delete;
    HeldProcess& operator=(const HeldProcess&) = delete;
    // Lets it go: its parent is told then.
    ~HeldProcess() {
        if (tracer_ <= 0) return;
        life_.close();
        ::waitpid(tracer_, nullptr, 0);
    }

    // Not where tracing is forbidden.
    bool is_held() const { return is_held_; }

  private:
    // Another thread may be about to start a process: the ends of its pipes must not stay open here, or
    // nobody sees when they are closed.
    static void keep_only(int one, int other) {
        constexpr int kMost = 1024;
        for (int fd = 3; fd < kMost; ++fd) {
            if (fd != one && fd != other) ::close(fd);
        }
    }

    pid_t tracer_ = -1;
    bool is_held_ = false;
    Fd life_;
};

}  // namespace osb::test
