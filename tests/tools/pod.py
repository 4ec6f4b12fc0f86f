#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
From a rendered DaemonSet to what an OCI runtime (runc) runs, as kubelet and containerd translate it: user, capabilities,
read-only root, mounts and their propagation, environment, seccomp profile, memory limit, no_new_privs.

    pod.py bundle MANIFEST CONTAINER DIR   writes DIR/CONTAINER/config.json and the volumes under DIR/volumes
    pod.py probe MANIFEST NAME             prints the URL of startupProbe, livenessProbe or readinessProbe

Environment: POD_IP NODE_NAME  what fieldRefs say; POD_BIN  the directory of `weir`, which stands for the image's own;
POD_CGROUP  name of the control group; POD_HOST  holds what of the host is written to, /var/lib/kubelet/seccomp. The rest of
the image is this host's /usr; or POD_ROOT  the root of an image, all of it. What a manifest says that is not known here is an
error, not ignored.
"""
import base64
import json
import os
import pathlib
import shutil
import sys

import yaml

KNOWN_POD = {
    "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "hostNetwork", "dnsPolicy",
    "priorityClassName", "terminationGracePeriodSeconds", "nodeSelector", "tolerations", "initContainers",
    "containers", "volumes",
}
KNOWN_CONTAINER = {
    "name", "image", "command", "env", "ports", "securityContext", "startupProbe", "livenessProbe", "readinessProbe",
    "resources", "volumeMounts",
}
KNOWN_SECURITY = {
    "runAsUser", "runAsGroup", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities",
    "seccompProfile", "appArmorProfile",
}
PROPAGATION = {None: "rprivate", "None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
# containerd's own, for a pod that is not privileged
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READONLY = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MEBI = {"Mi": 1 << 20, "Gi": 1 << 30}


def known(what, names, where):
    strange = set(what) - names
    if strange:
        sys.exit(f"{where}: pod.py does not know {', '.join(sorted(strange))}. To do: teach it what the kubelet does with it")


class Pod:
    def __init__(self, manifest):
        self.objects = [item for item in yaml.safe_load_all(open(manifest)) if item]
        self.spec = self.find("DaemonSet", "weir")["spec"]["template"]["spec"]
        known(self.spec, KNOWN_POD, "pod")
        if not self.spec.get("hostNetwork"):
            sys.exit("pod.py knows pods in the network of the host")

    def find(self, kind, name):
        for item in self.objects:
            if item["kind"] == kind and item["metadata"]["name"] == name:
                return item
        sys.exit(f"there is no {kind} {name}")

    def container(self, name):
        for item in self.spec.get("initContainers", []) + self.spec["containers"]:
            if item["name"] == name:
                known(item, KNOWN_CONTAINER, f"container {name}")
                known(item["securityContext"], KNOWN_SECURITY, f"securityContext of {name}")
                return item
        sys.exit(f"there is no container {name}")


def environment(pod, container):
    """In the manifest's order: $(NAME) stands for what came before, as the API has it."""
    fields = {"spec.nodeName": os.environ["NODE_NAME"], "status.podIP": os.environ["POD_IP"]}
    values = {"PATH": "/weir:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    for item in container.get("env", []):
        source = item.get("valueFrom", {})
        if "fieldRef" in source:
            value = fields[source["fieldRef"]["fieldPath"]]
        elif "secretKeyRef" in source:
            secret = pod.find("Secret", source["secretKeyRef"]["name"])
            value = base64.b64decode(secret["data"][source["secretKeyRef"]["key"]]).decode()
        else:
            value = item["value"]
            for name, before in values.items():
                value = value.replace(f"$({name})", before)
        values[item["name"]] = value
    return [f"{name}={value}" for name, value in values.items()]


def lay_config_map(pod, name, mode, where):
    """As the kubelet's atomic writer: weir.yaml -> ..data/weir.yaml, ..data -> ..first. Once; a test may then switch it."""
    if where.exists():
        return
    (where / "..first").mkdir(parents=True)
    for key, text in pod.find("ConfigMap", name)["data"].items():
        (where / "..first" / key).write_text(text)
        (where / "..first" / key).chmod(mode)
        (where / key).symlink_to(f"..data/{key}")
    (where / "..data").symlink_to("..first")


def volume(pod, name, folder):
    """(source, type) of a volume on this host."""
    item = next(v for v in pod.spec["volumes"] if v["name"] == name)
    where = folder / "volumes" / name
    if "configMap" in item:
        lay_config_map(pod, item["configMap"]["name"], item["configMap"]["defaultMode"], where)
        return str(where), "bind"
    if "emptyDir" in item:
        # lives as long as the pod, not the container
        where.mkdir(parents=True, exist_ok=True)
        return str(where), "bind"
    path = item["hostPath"]["path"]
    if item["hostPath"]["type"] == "DirectoryOrCreate":
        path = os.environ["POD_HOST"] + path
        os.makedirs(path, exist_ok=True)
    return path, "bind"


def mounts(pod, container, folder):
    result = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ]
    # What stands for the image
    for path, source in () if "POD_ROOT" in os.environ else (("/usr", "/usr"), ("/weir", os.environ["POD_BIN"])):
        result.append({"destination": path, "type": "bind", "source": source, "options": ["rbind", "rprivate", "ro"]})
    for mount in container["volumeMounts"]:
        source, kind = volume(pod, mount["name"], folder)
        result.append({"destination": mount["mountPath"], "type": kind, "source": source, "options": [
            "rbind", PROPAGATION[mount.get("mountPropagation")], "ro" if mount.get("readOnly") else "rw"]})
    return result


def seccomp(profile):
    if profile["type"] == "RuntimeDefault":
        return None  # runc has none of its own
    text = pathlib.Path(os.environ["POD_HOST"] + "/var/lib/kubelet/seccomp/" + profile["localhostProfile"]).read_text()
    return json.loads(text)


def config(pod, container, folder):
    security = container["securityContext"]
    if security["privileged"] or security["capabilities"]["drop"] != ["ALL"]:
        sys.exit("pod.py knows pods that drop all capabilities and are not privileged")
    # The default is the runtime's own where the node has AppArmor: here nothing is confined
    if security.get("appArmorProfile", {"type": "Unconfined"}) != {"type": "Unconfined"}:
        sys.exit("pod.py knows no AppArmor")
    capabilities = ["CAP_" + name for name in security["capabilities"].get("add", [])]
    memory = container["resources"]["limits"]["memory"]
    linux = {
        # hostNetwork: no network namespace of its own
        "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": MASKED, "readonlyPaths": READONLY, "rootfsPropagation": "rslave",
        "cgroupsPath": os.environ["POD_CGROUP"],
        "resources": {"memory": {"limit": int(memory[:-2]) * MEBI[memory[-2:]]}},
    }
    profile = seccomp(security["seccompProfile"])
    if profile:
        linux["seccomp"] = profile
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "cwd": "/", "args": container["command"], "env": environment(pod, container),
            "user": {"uid": security["runAsUser"], "gid": security["runAsGroup"]},
            # inheritable and ambient are empty, as containerd has them
            "capabilities": {kind: capabilities for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": not security["allowPrivilegeEscalation"],
        },
        "root": {"path": os.environ.get("POD_ROOT", "rootfs"), "readonly": security["readOnlyRootFilesystem"]},
        "mounts": mounts(pod, container, folder),
        "linux": linux,
    }


def bundle(manifest, name, folder):
    pod = Pod(manifest)
    folder = pathlib.Path(folder)
    home = folder / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if "POD_ROOT" not in os.environ:
        lay_root(home / "rootfs")
    (home / "config.json").write_text(json.dumps(config(pod, pod.container(name), folder), indent=1))


def lay_root(root):
    for path in ("usr", "etc/weir", "weir", "run/weir", "proc", "dev", "sys", "tmp", "profile", "kubelet"):
        (root / path).mkdir(parents=True)
    for path in ("bin", "sbin", "lib", "lib64"):
        (root / path).symlink_to(f"usr/{path}")
    for path in ("passwd", "group", "hosts", "resolv.conf", "nsswitch.conf"):
        shutil.copy(f"/etc/{path}", root / "etc")


def probe(manifest, name):
    container = Pod(manifest).container("weir")
    get = container[name]["httpGet"]
    port = next(p["containerPort"] for p in container["ports"] if p["name"] == get["port"])
    print(f"http://{get.get('host') or os.environ['POD_IP']}:{port}{get['path']}")


if __name__ == "__main__":
    {"bundle": bundle, "probe": probe}[sys.argv[1]](*sys.argv[2:])
