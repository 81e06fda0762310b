#include "tests/support/tar_witness.hh"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <clocale>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "oci/tar/tar_header.hh"
#include "tests/support/read_archive.hh"

namespace osb::test {
namespace {

// libarchive converts the names of pax headers through the locale; only a UTF-8 one leaves them alone.
class Utf8Locale {
  public:
    Utf8Locale()
        : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})), before_(::uselocale(locale_)) {}
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;
    ~Utf8Locale() {
        ::uselocale(before_);
        if (locale_ != locale_t{}) ::freelocale(locale_);
    }

  private:
    locale_t locale_;
    locale_t before_;
};

struct ArchiveDeleter {
    void operator()(archive* handle) const noexcept { ::archive_read_free(handle); }
};
using ArchivePtr = std::unique_ptr<archive, ArchiveDeleter>;

std::string_view name_of(oci::TarType type) {
    switch (type) {
        case oci::TarType::file:
            return "file";
        case oci::TarType::hardlink:
            return "hard link";
        case oci::TarType::symlink:
            return "symbolic link";
        case oci::TarType::character_device:
            return "character device";
        case oci::TarType::block_device:
            return "block device";
        case oci::TarType::directory:
            return "directory";
        case oci::TarType::fifo:
            return "FIFO";
    }
    return "?";
}

std::string_view name_of(archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr) return "hard link";
    switch (::archive_entry_filetype(entry)) {
        case AE_IFREG:
            return "file";
        case AE_IFLNK:
            return "symbolic link";
        case AE_IFCHR:
            return "character device";
        case AE_IFBLK:
            return "block device";
        case AE_IFDIR:
            return "directory";
        case AE_IFIFO:
            return "FIFO";
        default:
            return "something else";
    }
}

std::string text_of(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

using Xattrs = std::map<std::string, std::string>;

// What both views say of an entry. Numbers are those of a file that can exist, so that one width does.
struct Fields {
    std::string_view type;
    std::string path;
    std::string link_target;
    std::int64_t mode = 0;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::int64_t device_major = 0;
    std::int64_t device_minor = 0;
    Xattrs xattrs;
    std::string content;
};

// Between a prefix and a name libarchive writes no slash when there is one.
std::string without_doubled_slashes(std::string path) {
    const auto both = [](char a, char b) { return a == '/' && b == '/'; };
    path.erase(std::unique(path.begin(), path.end(), both), path.end());
    return path;
}

TarView::Entry entry_of(const Fields& fields) {
    std::string out = concat(fields.type, ' ', quoted(without_doubled_slashes(fields.path)), " mode ",
                             fields.mode, " owner ", fields.uid, ':', fields.gid);
    if (fields.type.ends_with("device"))
        out += concat(" number ", fields.device_major, ':', fields.device_minor);
    for (const auto& [name, value] : fields.xattrs) out += concat(" with ", quoted(name), '=', quoted(value));
    if (fields.type == "file")
        out += concat(" of ", fields.content.size(), " bytes: ", to_hex(sha256(as_bytes(fields.content))));
    return {.line = std::move(out), .link_target = fields.link_target};
}

// At most one byte more than a witnessed file can have: a reader that finds more has a difference anyway.
std::string read_content(archive* handle, std::string& error) {
    std::string out(kMaxWitnessedFile + 1, '\0');
    std::size_t done = 0;
    while (done < out.size()) {
        const la_ssize_t n = ::archive_read_data(handle, out.data() + done, out.size() - done);
        if (n < 0) error = text_of(::archive_error_string(handle));
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    out.resize(done);
    return out;
}

Xattrs xattrs_of(archive_entry* entry) {
    Xattrs out;
    ::archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        out[text_of(name)] = size == 0 ? std::string() : std::string(static_cast<const char*>(value), size);
    return out;
}

Fields fields_of(archive* handle, archive_entry* entry, std::string& error) {
    Fields out;
    out.type = name_of(entry);
    out.path = text_of(::archive_entry_pathname(entry));
    out.link_target = out.type == "hard link" ? text_of(::archive_entry_hardlink(entry))
                                              : text_of(::archive_entry_symlink(entry));
    out.mode = ::archive_entry_perm(entry) & 07777;
    out.uid = ::archive_entry_uid(entry);
    out.gid = ::archive_entry_gid(entry);
    out.device_major = static_cast<std::int64_t>(::archive_entry_rdevmajor(entry));
    out.device_minor = static_cast<std::int64_t>(::archive_entry_rdevminor(entry));
    out.xattrs = xattrs_of(entry);
    if (out.type == "file") out.content = read_content(handle, error);
    return out;
}

// A symbolic link whose header has no target besides the one in the pax header has none for libarchive. Go
// writes such headers for targets that are not ASCII.
bool is_same(const TarView::Entry& ours, const TarView::Entry& theirs) {
    const bool lost = ours.line.starts_with("symbolic link") && theirs.link_target.empty();
    return ours.line == theirs.line && (ours.link_target == theirs.link_target || lost);
}

}  // namespace

std::string TarView::Entry::to_string() const {
    return link_target.empty() ? line : concat(line, " to ", quoted(link_target));
}

TarView view_by_osb(std::string_view archive) {
    ReadOptions options;
    options.limits.max_file_size = kMaxWitnessedFile;
    const ReadArchive read = read_archive(archive, options);
    TarView out;
    for (const auto& [entry, content, header_offset, data_offset] : read.entries) {
        out.entries.push_back(entry_of({.type = name_of(entry.type),
                                        .path = entry.path,
                                        .link_target = entry.link_target,
                                        .mode = entry.mode,
                                        .uid = entry.uid,
                                        .gid = entry.gid,
                                        .device_major = entry.device_major,
                                        .device_minor = entry.device_minor,
                                        .xattrs = {entry.xattrs.begin(), entry.xattrs.end()},
                                        .content = content}));
    }
    out.error = read.error;
    return out;
}

TarView view_by_libarchive(std::string_view archive) {
    const Utf8Locale locale;
    TarView out;
    const ArchivePtr handle(::archive_read_new());
    ::archive_read_support_format_tar(handle.get());
    ::archive_read_support_format_empty(handle.get());
    if (::archive_read_open_memory(handle.get(), archive.data(), archive.size()) != ARCHIVE_OK) {
        out.error = text_of(::archive_error_string(handle.get()));
        return out;
    }
    while (out.error.empty()) {
        archive_entry* entry = nullptr;
        const int status = ::archive_read_next_header(handle.get(), &entry);
        if (status == ARCHIVE_EOF) break;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
            out.error = text_of(::archive_error_string(handle.get()));
            break;
        }
        out.entries.push_back(entry_of(fields_of(handle.get(), entry, out.error)));
        out.entries.back().is_whole = out.error.empty();
    }
    return out;
}

std::optional<std::string> tar_difference(std::string_view archive, bool* both_took_it) {
    if (both_took_it != nullptr) *both_took_it = false;
    const TarView ours = view_by_osb(archive);
    if (!ours.error.empty()) return std::nullopt;
    // The last block may be short here, as in Go; libarchive wants it whole.
    std::string whole(archive);
    whole.resize((whole.size() + oci::kTarBlock - 1) / oci::kTarBlock * oci::kTarBlock, '\0');
    const TarView theirs = view_by_libarchive(whole);
    if (both_took_it != nullptr) *both_took_it = theirs.error.empty();

    std::size_t count = theirs.entries.size();
    if (count > 0 && !theirs.entries.back().is_whole) --count;
    if (theirs.error.empty()) count = std::max(count, ours.entries.size());
    const auto text = [](const TarView& view, std::size_t index) {
        return index < view.entries.size() ? view.entries[index].to_string() : std::string("no more entries");
    };
    for (std::size_t i = 0; i < count; ++i) {
        const bool both = i < ours.entries.size() && i < theirs.entries.size();
        if (both && is_same(ours.entries[i], theirs.entries[i])) continue;
        return concat("entry ", i + 1, "\n  here:       ", text(ours, i),
                      "\n  libarchive: ", text(theirs, i));
    }
    return std::nullopt;
}

}  // namespace osb::test
