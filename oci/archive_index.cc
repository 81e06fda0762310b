#include "oci/archive_index.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kMaxMembers = 100'000;
constexpr std::uint64_t kMaxPathBytes = 16ULL * 1024 * 1024;  // of all members' names together
constexpr int kMaxLinkHops = 8;

// A member's content, with a share in the descriptor.
class MemberSource final : public Source {
  public:
    MemberSource(std::shared_ptr<Fd> fd, std::uint64_t offset, std::uint64_t size, const std::string& name)
        : fd_(std::move(fd)), range_(fd_->get(), offset, size, name) {}

    std::size_t read(MutableBytes buffer) override { return range_.read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return range_.skip(count); }

  private:
    std::shared_ptr<Fd> fd_;
    FileRangeSource range_;
};

// "./a//b" -> "a/b". Nothing for a path that climbs out of the archive.
std::optional<std::string> normalized_path(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            parts.push_back(part);
        } else if (parts.empty()) {
            return std::nullopt;
        } else {
            parts.pop_back();
        }
    }
    std::string out;
    for (const std::string_view part : parts) {
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

Fd open_input(const std::string& file) {
    for (;;) {
        // Without O_NONBLOCK: a FIFO is waited for.
        Fd fd(file == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (fd) return fd;
        if (errno != EINTR) throw_errno(concat("cannot open ", quoted(file)));
        check_interrupt();
    }
}

// A file without a name: nothing is left behind, however the program ends.
Fd open_unnamed(const std::string& directory) {
    Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
    if (fd) return fd;
    std::string path = directory + "/osb-oci-XXXXXX";
    fd = Fd(::mkostemp(path.data(), O_CLOEXEC));
    if (fd) ::unlink(path.c_str());
    return fd;
}

Fd open_temporary() {
    const char* chosen =
        ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
    if (chosen != nullptr && *chosen != '\0') {
        Fd fd = open_unnamed(chosen);
        if (!fd) throw_errno(concat("cannot create a temporary file in TMPDIR=", quoted(chosen)));
        return fd;
    }
    Fd fd = open_unnamed("/var/tmp");
    if (!fd) fd = open_unnamed("/tmp");
    if (!fd) throw_errno("cannot create a temporary file in '/tmp'");
    return fd;
}

// Archives of images are written plain; a compressed one would have to be unpacked whole before a member is
// found.
void refuse_compressed(ByteView head) {
    struct Magic {
        std::string_view bytes;
        std::string_view program;
    };
    constexpr std::array<Magic, 4> kMagics{{
        {.bytes = "\x1F\x8B", .program = "gzip"},
        {.bytes = "\x28\xB5\x2F\xFD", .program = "zstd"},
        {.bytes = "\xFD"
                  "7zXZ",
         .program = "xz"},
        {.bytes = "BZh", .program = "bzip2"},
    }};
    for (const Magic& magic : kMagics) {
        if (!as_text(head).starts_with(magic.bytes)) continue;
        throw Error(ErrorKind::unsupported, concat("the archive is compressed with ", magic.program))
            .hint(concat("decompress it first, e.g. with ", magic.program, " -d"));
    }
}

// Keeps a copy of a stream that is read: what comes through a pipe is judged as it comes, not when the disk
// is full of it.
class SpoolingSource final : public Source {
  public:
    SpoolingSource(Source& inner, int copy_fd) : inner_(inner), copy_fd_(copy_fd) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        const ByteView bytes = ByteView(buffer).first(n);
        if (count_ == 0) refuse_compressed(bytes);
        count_ += n;
        write_all(copy_fd_, bytes, "temporary file");
        return n;
    }

  private:
    Source& inner_;
    int copy_fd_;
    std::uint64_t count_ = 0;
};

bool is_regular(int fd, const std::string& file) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) throw_errno(concat("cannot stat ", quoted(file)));
    if (S_ISDIR(st.st_mode)) {
        throw Error(ErrorKind::invalid, concat(quoted(file), ": is a directory, not an archive"))
            .hint("an image layout in a directory is read with oci:");
    }
    return S_ISREG(st.st_mode);
}

// The writer of a pipe may have more to say after the end of the archive (padding); it is let finish, within
// reason.
void read_rest(Source& source) {
    constexpr std::uint64_t kPadding = 1024UL * 1024;
    source.skip(kPadding);
}

}  // namespace

ArchiveIndex::ArchiveIndex(const std::string& file) : name_(file == "-" ? "standard input" : file) {
    Fd input = open_input(file);
    with_context([this] { return quoted(name_); },
                 [&] {
                     if (is_regular(input.get(), file)) {
                         fd_ = std::make_shared<Fd>(std::move(input));
                         FileRangeSource source(fd_->get(), 0, file_size(fd_->get()), name_);
                         std::array<std::uint8_t, 8> head{};
                         FileRangeSource beginning(
                             fd_->get(), 0, std::min<std::uint64_t>(head.size(), file_size(fd_->get())),
                             name_);
                         refuse_compressed(ByteView(head).first(read_full(beginning, head)));
                         index_members(source);
                     } else {
                         fd_ = std::make_shared<Fd>(open_temporary());
                         FdSource pipe(std::move(input), name_);
                         SpoolingSource source(pipe, fd_->get());
                         index_members(source);
                         read_rest(pipe);
                     }
                 });
}

void ArchiveIndex::index_members(Source& source) {
    TarReader reader(source);
    TarEntry entry;
    std::size_t count = 0;
    while (reader.next(entry)) {
        if (++count > kMaxMembers) {
            throw Error(ErrorKind::too_large, concat("more than ", kMaxMembers, " members"));
        }
        with_context([&entry] { return concat("member ", quoted(entry.path)); },
                     [&] { add_member(reader, entry); });
    }
    if (count == 0) throw Error(ErrorKind::invalid, "the archive is empty");
    check_members_end();
}

// A reader that skips by seeking does not notice an end in the middle of a member.
void ArchiveIndex::check_members_end() const {
    const std::uint64_t size = file_size(fd_->get());
    for (const auto& [path, member] : members_) {
        if (member.is_sparse) continue;  // nobody reads it
        if (member.offset <= size && member.size <= size - member.offset) continue;
        throw Error(ErrorKind::invalid,
                    concat("member ", quoted(path), ": the archive ends in the middle of it"));
    }
}

void ArchiveIndex::add_member(const TarReader& reader, const TarEntry& entry) {
    const std::optional<std::string> path = normalized_path(entry.path);
    if (!path) throw Error(ErrorKind::invalid, "the name climbs out of the archive");
    Member member;
    if (entry.type == TarType::file) {
        member.offset = reader.data_offset();
        member.size = entry.size;
        member.is_sparse = reader.is_sparse();
    } else if (entry.type == TarType::hardlink) {
        member.is_link = true;
        member.link = entry.link_target;
    } else if (entry.type == TarType::symlink) {
        member.is_link = true;
        // An absolute target lies outside, wherever the archive is unpacked.
        const bool absolute = entry.link_target.starts_with('/');
        member.link = absolute ? ".." : concat(*path, "/../", entry.link_target);
    } else {
        return;
    }
    path_bytes_ += path->size() + member.link.size();
    if (path_bytes_ > kMaxPathBytes) {
        throw Error(ErrorKind::too_large, concat("names of more than ", kMaxPathBytes, " bytes in all"));
    }
    if (!members_.emplace(*path, std::move(member)).second) {
        throw Error(ErrorKind::invalid, "appears twice in the archive");
    }
}

const ArchiveIndex::Member& ArchiveIndex::find(const std::string& path) const {
    std::optional<std::string> wanted = normalized_path(path);
    for (int hops = 0; wanted; ++hops) {
        const auto found = members_.find(*wanted);
        if (found == members_.end()) break;
        const Member& member = found->second;
        if (!member.is_link) return member;
        if (hops == kMaxLinkHops) {
            throw Error(ErrorKind::invalid,
                        concat("member ", quoted(path), ": more than ", kMaxLinkHops, " links"));
        }
        wanted = normalized_path(member.link);
        if (!wanted) {
            throw Error(ErrorKind::invalid,
                        concat("member ", quoted(path), ": a link that leads out of the archive"));
        }
    }
    throw Error(ErrorKind::not_found, concat("no member ", quoted(path), " in the archive"));
}

bool ArchiveIndex::contains(const std::string& path) const {
    const std::optional<std::string> wanted = normalized_path(path);
    return wanted && members_.contains(*wanted);
}

std::uint64_t ArchiveIndex::size(const std::string& path) const {
    return find(path).size;
}

std::unique_ptr<Source> ArchiveIndex::open(const std::string& path) const {
    const Member& member = find(path);
    if (member.is_sparse) {
        throw Error(ErrorKind::unsupported, concat("member ", quoted(path), " is stored as a sparse file"))
            .hint("write the archive again, without tar's option --sparse");
    }
    return std::make_unique<MemberSource>(fd_, member.offset, member.size, path);
}

}  // namespace osb::oci
