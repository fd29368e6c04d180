"""What the FSx add-on leaves in the cluster that the scheduler and volumes ask for: CSIDriver.

Its pods are not started: nothing here has a Lustre kernel module.
Source: kubernetes-sigs/aws-fsx-csi-driver, charts/aws-fsx-csi-driver/templates/csidriver.yaml.
"""

from pathlib import Path
from typing import Any


def install_csi_driver(admin_kubeconfig: Path, name: str) -> None:
    """Creates the CSIDriver object, unless it is there already."""
    from kubernetes import client, config

    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        storage = client.StorageV1Api(api)
        if _exists(storage, name):
            return
        storage.create_csi_driver(
            client.V1CSIDriver(
                metadata=client.V1ObjectMeta(name=name),
                spec=client.V1CSIDriverSpec(attach_required=False),
            )
        )


def remove_csi_driver(admin_kubeconfig: Path, name: str) -> None:
    """Deletes the CSIDriver object, if it is there."""
    from kubernetes import client, config

    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        storage = client.StorageV1Api(api)
        if _exists(storage, name):
            storage.delete_csi_driver(name)


def _exists(storage: Any, name: str) -> bool:
    return name in [driver.metadata.name for driver in storage.list_csi_driver().items]
