#include "ostree/union/apk_records.hh"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/codec/decompress.hh"
#include "oci/tar/tar_writer.hh"
#include "ostree/tree/layer_path.hh"
#include "ostree/union/apk_version.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxPackages = 100'000;
constexpr std::size_t kMaxFiles = 1'000'000;

// Calls use(line) for each line, without its end.
template<typename F>
void for_each_line(std::string_view text, const F& use) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        use(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
}

std::vector<std::string> words_of(std::string_view text) {
    constexpr std::string_view kSpace = " \t\n\r";
    std::vector<std::string> out;
    for (;;) {
        const std::size_t begin = text.find_first_not_of(kSpace);
        if (begin == std::string_view::npos) return out;
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

class InstalledParser {
  public:
    std::vector<ApkPackage> parse(std::string_view text) {
        for_each_line(text, [this](std::string_view line) {
            ++number_;
            with_context([this] { return concat("line ", number_); }, [&] { take(line); });
        });
        end_package();
        return std::move(packages_);
    }

  private:
    void take(std::string_view line) {
        if (line.empty()) return end_package();
        if (line.size() < 2 || line[1] != ':') {
            throw Error(ErrorKind::invalid, concat("not a field of a package: ", quoted(line)));
        }
        started_ = true;
        const std::string_view value = line.substr(2);
        const std::string text = concat(line, '\n');
        if (line[0] == 'F') {
            const std::string name = value.empty() ? std::string() : normalize_path(value);
            package_.directories.push_back({.name = name, .lines = text, .files = {}});
        } else if (line[0] == 'R') {
            take_file(value, text);
        } else if (package_.directories.empty()) {
            package_.header += text;
            take_field(line[0], value);
        } else {
            ApkDirectory& directory = package_.directories.back();
            (directory.files.empty() ? directory.lines : directory.files.back().lines) += text;
        }
    }

    void take_file(std::string_view value, const std::string& text) {
        if (package_.directories.empty()) throw Error(ErrorKind::invalid, "a file without a directory");
        if (value.empty() || value == "." || value == ".." || value.find('/') != std::string_view::npos) {
            throw Error(ErrorKind::invalid, concat("not the name of a file: ", quoted(value)));
        }
        if (++files_ > kMaxFiles)
            throw Error(ErrorKind::too_large, concat("more than ", kMaxFiles, " files"));
        package_.directories.back().files.push_back({.name = std::string(value), .lines = text});
    }

    void take_field(char field, std::string_view value) {
        if (field == 'P') package_.name = value;
        if (field == 'V') package_.version = value;
        if (field == 'A') package_.architecture = value;
        if (field == 'C') package_.checksum = value;
        if (field == 'o') package_.origin = value;
        if (field == 'r') package_.replaces = words_of(value);
        if (field == 'q')
            std::from_chars(value.data(), value.data() + value.size(), package_.replaces_priority);
    }

    void end_package() {
        if (!std::exchange(started_, false)) return;
        if (package_.name.empty()) throw Error(ErrorKind::invalid, "a package without a name");
        if (!names_.insert(package_.name).second) {
            throw Error(ErrorKind::invalid, concat("the package ", quoted(package_.name), " twice"));
        }
        if (packages_.size() == kMaxPackages) {
            throw Error(ErrorKind::too_large, concat("more than ", kMaxPackages, " packages"));
        }
        packages_.push_back(std::exchange(package_, {}));
    }

    std::vector<ApkPackage> packages_;
    std::set<std::string> names_;
    ApkPackage package_;
    bool started_ = false;
    std::size_t number_ = 0;
    std::size_t files_ = 0;
};

// NAME-VERSION of a script's member NAME-VERSION.CHECKSUM.ACTION; "" for another name.
std::string_view script_package(std::string_view member) {
    for (int i = 0; i < 2; ++i) {
        const std::size_t dot = member.rfind('.');
        if (dot == std::string_view::npos) return {};
        member = member.substr(0, dot);
    }
    return member;
}

// What an archive of scripts unpacks to: no more than an archive that is not compressed may have.
class UnpackedScripts final : public Source {
  public:
    explicit UnpackedScripts(Source& inner) noexcept : inner_(inner) {}

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = inner_.read(buffer);
        total_ += n;
        if (total_ > kMaxScripts) throw Error(ErrorKind::too_large, "it unpacks to more than 64 MiB");
        return n;
    }

  private:
    Source& inner_;
    std::size_t total_ = 0;
};

class TextSink final : public Sink {
  public:
    void write(ByteView bytes) override { text += as_text(bytes); }
    std::string text;
};

std::string read_member(oci::TarReader& reader, std::uint64_t size) {
    if (size > kMaxScripts) throw Error(ErrorKind::too_large, "a script of more than 64 MiB");
    std::string out(static_cast<std::size_t>(size), '\0');
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
    MutableBytes rest(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
    while (!rest.empty()) {
        const std::size_t n = reader.read(rest);
        if (n == 0) throw Error(ErrorKind::invalid, "a script that ends too early");
        rest = rest.subspan(n);
    }
    return out;
}

}  // namespace

std::vector<ApkPackage> parse_installed(std::string_view text) {
    return InstalledParser().parse(text);
}

std::string installed_text(const std::vector<ApkPackage>& packages) {
    std::string out;
    for (const ApkPackage& package : packages) {
        out += package.header;
        for (const ApkDirectory& directory : package.directories) {
            out += directory.lines;
            for (const ApkFile& file : directory.files) out += file.lines;
        }
        out += '\n';
    }
    return out;
}

void add_triggers(std::vector<ApkPackage>& packages, std::string_view text) {
    std::map<std::string_view, ApkPackage*> by_checksum;
    for (ApkPackage& package : packages) by_checksum[package.checksum] = &package;
    for_each_line(text, [&by_checksum](std::string_view line) {
        const auto found = by_checksum.find(line.substr(0, line.find(' ')));
        if (found != by_checksum.end() && !line.empty()) found->second->trigger = concat(line, '\n');
    });
}

void add_scripts(std::vector<ApkPackage>& packages, std::string_view archive) {
    std::map<std::string, ApkPackage*, std::less<>> by_name;
    for (ApkPackage& package : packages) by_name[concat(package.name, '-', package.version)] = &package;
    MemorySource source(as_bytes(archive));
    const std::unique_ptr<Source> plain = oci::decompress_layer(source, oci::Compression::none);
    UnpackedScripts limited(*plain);
    oci::TarReader reader(limited);
    oci::TarEntry entry;
    std::size_t total = 0;
    while (reader.next(entry)) {
        const auto found = by_name.find(script_package(entry.path));
        if (entry.type != oci::TarType::file || found == by_name.end()) continue;
        found->second->scripts.push_back({.entry = entry, .content = read_member(reader, entry.size)});
        total += found->second->scripts.back().content.size();
        if (total > kMaxScripts) throw Error(ErrorKind::too_large, "scripts of more than 64 MiB");
    }
}

std::string triggers_text(const std::vector<ApkPackage>& packages) {
    std::string out;
    for (const ApkPackage& package : packages) out += package.trigger;
    return out;
}

std::string scripts_archive(const std::vector<ApkPackage>& packages) {
    TextSink sink;
    oci::TarWriter writer(sink);
    for (const ApkPackage& package : packages) {
        for (const ApkScript& script : package.scripts) {
            oci::TarEntry entry;
            entry.path = script.entry.path;
            entry.mode = script.entry.mode;
            entry.size = script.content.size();
            writer.begin(entry);
            writer.write(as_bytes(script.content));
        }
    }
    writer.finish();
    return std::move(sink.text);
}

std::string join_worlds(std::string_view earlier, std::string_view later) {
    std::map<std::string, std::string, std::less<>> by_name;
    for (const std::string_view world : {earlier, later}) {
        for (std::string& word : words_of(world)) {
            const std::string name(dependency_name(word));
            by_name[name] = std::move(word);
        }
    }
    std::string out;
    for (const auto& [name, word] : by_name) out += concat(word, '\n');
    return out;
}

FileOwner decide_owner(const ApkPackage& old, const ApkPackage& fresh) {
    if (old.name == fresh.name) return FileOwner::fresh_one;
    const auto priority = [](const ApkPackage& package, const ApkPackage& other) {
        const bool replaces = std::any_of(
            package.replaces.begin(), package.replaces.end(),
            [&other](const std::string& text) { return satisfies(text, other.name, other.version); });
        return replaces ? package.replaces_priority : -1;
    };
    const int old_priority = priority(old, fresh);
    const int fresh_priority = priority(fresh, old);
    if (old_priority > fresh_priority) return FileOwner::old_one;
    if (fresh_priority >= 0) return FileOwner::fresh_one;
    if (!old.origin.empty() && old.origin == fresh.origin) return FileOwner::fresh_one;
    return FileOwner::conflict;
}

}  // namespace osb::ostree
