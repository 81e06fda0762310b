#include "oci/transports/archive_index.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/unnamed_file.hh"
#include "oci/codec/decompress.hh"
#include "oci/tar/tar_header.hh"
#include "oci/transports/archive_input.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kMaxMembers = 100'000;
constexpr std::uint64_t kMaxPathBytes = 16ULL * 1024 * 1024;  // sum over all members
constexpr int kMaxLinkHops = 8;

// The content of a member. It shares ownership of the descriptor.
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

enum class AboveRoot { is_outside, is_root };

// Normalises a path: "./a//b" -> "a/b". Returns nullopt for a path that leads out of the archive, unless the
// parent of the root is the root.
std::optional<std::string> normalized_path(std::string_view path, AboveRoot above = AboveRoot::is_outside) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            parts.push_back(part);
        } else if (!parts.empty()) {
            parts.pop_back();
        } else if (above == AboveRoot::is_outside) {
            return std::nullopt;
        }
    }
    std::string out;
    for (const std::string_view part : parts) {
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

// Counts the bytes of the file or pipe.
class InputSource final : public Source {
  public:
    explicit InputSource(Source& inner) noexcept : inner_(inner) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        count_ += n;
        return n;
    }
    std::uint64_t bytes_read() const noexcept { return count_; }

  private:
    Source& inner_;
    std::uint64_t count_ = 0;
};

// Copies a stream to a file while it is read. The size limit applies during the copy, before the disk is
// full.
class SpoolingSource final : public Source {
  public:
    SpoolingSource(Source& plain, const InputSource& input, int copy_fd)
        : plain_(plain), input_(input), copy_fd_(copy_fd) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = plain_.read(buffer);
        count_ += n;
        check_unpacked_size(count_, input_.bytes_read());
        write_all(copy_fd_, ByteView(buffer).first(n), "temporary file");
        return n;
    }

  private:
    Source& plain_;
    const InputSource& input_;
    int copy_fd_;
    std::uint64_t count_ = 0;
};

bool is_regular(int fd, const std::string& file) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) throw_errno(concat("cannot stat ", quoted(file)));
    if (S_ISDIR(st.st_mode)) {
        throw Error(ErrorKind::invalid, concat(quoted(file), ": is a directory, not an archive"))
            .hint("use oci: for an image layout in a directory");
    }
    return S_ISREG(st.st_mode);
}

}  // namespace

ArchiveIndex::ArchiveIndex(const std::string& file) : name_(file == "-" ? "standard input" : file) {
    Fd input = open_input(file);
    with_context([this] { return quoted(name_); },
                 [&] {
                     const bool is_seekable = is_regular(input.get(), file);
                     if (is_seekable && file_format(input.get(), name_).is_plain()) {
                         fd_ = std::make_shared<Fd>(std::move(input));
                         FileRangeSource source(fd_->get(), 0, file_size(fd_->get()), name_);
                         TarReader reader(source);
                         index_members(reader);
                     } else {
                         FdSource stream(std::move(input), name_);
                         spool(stream);
                     }
                     check_members_end();
                     check_copies();
                 });
}

ArchiveIndex::ArchiveIndex(Source& stream, std::string name) : name_(std::move(name)) {
    with_context([this] { return quoted(name_); },
                 [&] {
                     spool(stream);
                     check_members_end();
                     check_copies();
                 });
}

void ArchiveIndex::spool(Source& stream) {
    fd_ = std::make_shared<Fd>(open_unnamed_file());
    InputSource input(stream);
    const std::unique_ptr<Source> plain = decompress_layer(input, Compression::none);
    SpoolingSource source(*plain, input, fd_->get());
    TarReader reader(source);
    index_members(reader);
    // The writer of a pipe may write padding after the end of the archive, and gzip has a trailing checksum.
    // Read them, up to a limit.
    constexpr std::uint64_t kPadding = 1024UL * 1024;
    plain->skip(kPadding);
}

void ArchiveIndex::index_members(TarReader& reader) {
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
}

// Bazel and older builders write a layer once for each image of an archive. Whether a program reads the first
// or the last one, it must be the same.
void ArchiveIndex::check_copies() const {
    std::array<std::vector<std::uint8_t>, 2> buffers;
    for (std::vector<std::uint8_t>& buffer : buffers) buffer.resize(copies_.empty() ? 0 : 256UL * 1024);
    for (const auto& [path, copy] : copies_) {
        const Member& first = members_.at(path);
        bool same =
            !first.is_link && !first.is_sparse && !copy.is_link && !copy.is_sparse && first.size == copy.size;
        FileRangeSource one(fd_->get(), first.offset, first.size, path);
        FileRangeSource other(fd_->get(), copy.offset, copy.size, path);
        for (std::size_t n = 1; same && n > 0;) {
            n = read_full(one, buffers[0]);
            same = read_full(other, buffers[1]) == n &&
                   std::equal(buffers[0].begin(), buffers[0].begin() + static_cast<std::ptrdiff_t>(n),
                              buffers[1].begin());
        }
        if (!same)
            throw Error(ErrorKind::invalid,
                        concat("member ", quoted(path), ": appears twice in the archive"));
    }
}

// Checks the end of each member, because a reader that skips by seeking does not notice a truncated archive.
void ArchiveIndex::check_members_end() const {
    const std::uint64_t size = file_size(fd_->get());
    const auto check = [size](const std::string& path, const Member& member) {
        if (member.is_sparse) return;  // never read
        if (member.offset <= size && member.size <= size - member.offset) return;
        throw Error(ErrorKind::invalid,
                    concat("member ", quoted(path), ": the archive ends in the middle of it"));
    };
    for (const auto& [path, member] : members_) check(path, member);
    for (const auto& [path, member] : copies_) check(path, member);
}

void ArchiveIndex::add_member(const TarReader& reader, const TarEntry& entry) {
    const std::optional<std::string> path = normalized_path(entry.path);
    if (!path) throw Error(ErrorKind::invalid, "the name points outside the archive");
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
        const bool absolute = entry.link_target.starts_with('/');
        member.link = absolute ? concat("../", entry.link_target) : concat(*path, "/../", entry.link_target);
    } else {
        return;
    }
    path_bytes_ += path->size() + member.link.size();
    if (path_bytes_ > kMaxPathBytes) {
        throw Error(ErrorKind::too_large, concat("names of more than ", kMaxPathBytes, " bytes in all"));
    }
    const bool is_first = !members_.contains(*path);
    if (is_first) {
        members_.emplace(*path, std::move(member));
    } else {
        copies_.emplace_back(*path, std::move(member));
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
        if (wanted) continue;
        // Docker follows links as if the archive were the whole filesystem. Docker 1.12 wrote targets with a
        // ".." too many.
        wanted = normalized_path(member.link, AboveRoot::is_root);
        if (!members_.contains(*wanted)) {
            throw Error(ErrorKind::invalid,
                        concat("member ", quoted(path), ": a link that points outside the archive"));
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
