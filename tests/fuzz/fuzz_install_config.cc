// The file that install-to-disk --config names: JSON where it begins with '{', else TOML.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "image/disk/byte_size.hh"
#include "image/settings/config_file.hh"
#include "oci/documents/json_text.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::require;
using image::Customizations;

// A JSON document, made of members and elements one after the other.
class Writer {
  public:
    Writer& open(char bracket) {
        separate();
        out_ += bracket;
        fresh_ = true;
        return *this;
    }
    Writer& close(char bracket) {
        out_ += bracket;
        fresh_ = false;
        return *this;
    }
    Writer& key(std::string_view name) {
        text(name);
        out_ += ':';
        fresh_ = true;
        return *this;
    }
    Writer& text(std::string_view value) {
        separate();
        oci::append_json_string(out_, value);
        return *this;
    }
    Writer& number(std::uint64_t value) {
        separate();
        out_ += std::to_string(value);
        return *this;
    }
    Writer& member(std::string_view name, const std::string& value) { return key(name).text(value); }
    Writer& member(std::string_view name, std::uint64_t value) { return key(name).number(value); }
    template<typename T>
    Writer& member(std::string_view name, const std::optional<T>& value) {
        return value ? member(name, *value) : *this;
    }
    Writer& member(std::string_view name, const std::vector<std::string>& values) {
        key(name).open('[');
        for (const std::string& value : values) text(value);
        return close(']');
    }
    const std::string& result() const { return out_; }

  private:
    void separate() {
        if (!fresh_) out_ += ',';
        fresh_ = false;
    }

    std::string out_;
    bool fresh_ = true;
};

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += line + '\n';
    return out;
}

void write_user(Writer& out, const image::UserCustomization& user) {
    out.open('{').member("name", user.name).member("description", user.description);
    out.member("password", user.password).member("key", joined(user.keys)).member("groups", user.groups);
    out.member("home", user.home).member("shell", user.shell).member("uid", user.uid).member("gid", user.gid);
    out.close('}');
}

void write_files(Writer& out, const Customizations& all, bool directories) {
    out.key(directories ? "directories" : "files").open('[');
    for (const image::FileCustomization& file : all.files) {
        if (file.is_directory != directories) continue;
        out.open('{').member("path", file.path).member("mode", file.mode);
        const auto owner = [&](std::string_view key, const std::string& name) {
            if (name.find_first_not_of("0123456789") == std::string::npos) {
                out.member(key, std::uint64_t{std::stoul(name)});
            } else {
                out.member(key, name);
            }
        };
        owner("user", file.user);
        owner("group", file.group);
        if (!directories) out.member("data", file.data);
        out.close('}');
    }
    out.close(']');
}

std::string to_json(const Customizations& all) {
    std::string arguments;
    for (const std::string& argument : all.kernel_arguments) arguments += argument + ' ';
    Writer out;
    out.open('{').key("customizations").open('{');
    if (!all.hostname.empty()) out.member("hostname", all.hostname);
    out.key("timezone").open('{');
    if (!all.timezone.empty()) out.member("timezone", all.timezone);
    out.member("ntpservers", all.ntp_servers).close('}');
    out.key("kernel").open('{').member("append", arguments).close('}');
    out.key("user").open('[');
    for (const image::UserCustomization& user : all.users) write_user(out, user);
    out.close(']').key("group").open('[');
    for (const image::GroupCustomization& group : all.groups)
        out.open('{').member("name", group.name).member("gid", group.gid).close('}');
    out.close(']').key("sshkey").open('[');
    for (const image::KeyCustomization& key : all.keys)
        out.open('{').member("user", key.user).member("key", joined(key.keys)).close('}');
    out.close(']').key("services").open('{').member("enabled", all.services.enabled);
    out.member("disabled", all.services.disabled).member("masked", all.services.masked).close('}');
    out.key("locale").open('{').key("languages").open('[');
    if (!all.locale.language.empty()) out.text(all.locale.language);
    out.close(']');
    if (!all.locale.keyboard.empty()) out.member("keyboard", all.locale.keyboard);
    out.close('}');
    write_files(out, all, false);
    write_files(out, all, true);
    out.key("filesystem").open('[');
    for (const image::FilesystemCustomization& filesystem : all.filesystems)
        out.open('{')
            .member("mountpoint", filesystem.mountpoint)
            .member("minsize", filesystem.min_size)
            .close('}');
    out.close(']').close('}').close('}');
    return out.result();
}

// No field can end a line or a field of the system file that it goes to.
void check(const Customizations& all) {
    const auto is_field = [](const std::string& text) {
        return fuzz::is_printable(text) && text.find(':') == std::string::npos;
    };
    for (const image::UserCustomization& user : all.users) {
        require(!user.name.empty() && is_field(user.name));
        for (const auto& text : {user.description, user.password, user.home, user.shell})
            require(!text || is_field(*text));
        for (const std::string& key : user.keys) require(!key.empty() && fuzz::is_printable(key));
        for (const std::string& group : user.groups) require(!group.empty() && is_field(group));
    }
    for (const image::FileCustomization& file : all.files) {
        require(file.path.starts_with('/') && fuzz::is_printable(file.path));
        require(concat(file.path, '/').find("/../") == std::string::npos);
        require(file.mode.value_or(0) <= 07777);
    }
    for (const auto* names : {&all.services.enabled, &all.services.disabled, &all.services.masked}) {
        for (const std::string& name : *names)
            require(!name.empty() && name.find('/') == std::string::npos && fuzz::is_printable(name));
    }
    for (const std::string& word : {all.locale.language, all.locale.keyboard})
        require(word.find_first_of(" $`\"'\\;/") == std::string::npos && fuzz::is_printable(word));
    for (const std::string& argument : all.kernel_arguments)
        require(!argument.empty() && fuzz::is_printable(argument));
    require(fuzz::is_printable(all.hostname) && fuzz::is_printable(all.timezone));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    static_cast<void>(image::parse_byte_size(text.substr(0, text.find('\n'))));
    fuzz::accepts([&] {
        const Customizations all = image::parse_config(text, text.starts_with('{') ? "x.json" : "x.toml");
        check(all);
        // What was taken is taken again, and means the same.
        const std::string json = to_json(all);
        require(to_json(image::parse_config(json, "x.json")) == json);
    });
    return 0;
}
