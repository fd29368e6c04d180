"""An account with a cluster to be scraped, and texts that Amazon's Prometheus takes."""

import json

import boto3

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "eks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
POD_JOB = {"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}
SCRAPED = {"global": {"scrape_interval": "30s"}, "scrape_configs": [POD_JOB]}
RULE = {"alert": "Down", "expr": "up == 0"}
SNS = {"topic_arn": TOPIC, "sigv4": {"region": "us-west-2"}}
TOLD = {
    "route": {"receiver": "topic"},
    "receivers": [{"name": "topic", "sns_configs": [SNS]}],
}


def groups(*rules, name="r1"):
    return {"groups": [{"name": name, "rules": list(rules)}]}


def definition(**changed):
    return {"alertmanager_config": json.dumps({**TOLD, **changed})}


def told_by(**changed):
    return definition(receivers=[{"name": "topic", "sns_configs": [{**SNS, **changed}]}])


def job(**changed):
    return {"scrape_configs": [{**POD_JOB, **changed}]}


class Standing:
    """A network with a cluster in two zones."""

    def __init__(self, cloud):
        self._session = boto3.Session("AKIDEXAMPLE", "not-a-secret", region_name="us-west-2")
        self._endpoint = cloud.endpoint
        self.amp = self.client("amp")
        self.ec2 = self.client("ec2")
        self.eks = self.client("eks")
        iam = self.client("iam")
        role = iam.create_role(RoleName="rows", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc,
                AvailabilityZone=f"us-west-2{zone}",
                CidrBlock=f"10.0.{number}.0/24",
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("aab")
        ]
        self._role = role
        self.cluster = self.make_cluster("rows", "API")

    def client(self, service):
        return self._session.client(service, endpoint_url=self._endpoint)

    def make_cluster(self, name, mode, **network):
        within = {"subnetIds": self.subnets, "endpointPrivateAccess": True, **network}
        self.eks.create_cluster(
            name=name,
            roleArn=self._role,
            accessConfig={"authenticationMode": mode},
            resourcesVpcConfig=within,
        )
        self.eks.get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 1})
        return self.eks.describe_cluster(name=name)["cluster"]["arn"]

    def make_workspace(self, **more):
        made = self.amp.create_workspace(alias="r1-rows", **more)
        assert made["status"]["statusCode"] == "CREATING"
        self.amp.get_waiter("workspace_active").wait(
            workspaceId=made["workspaceId"], WaiterConfig={"Delay": 1}
        )
        return made

    def scrape(self, workspace, content=SCRAPED, **source):
        asked = {"clusterArn": self.cluster, "subnetIds": self.subnets[1:], **source}
        return self.amp.create_scraper(
            alias="r1-rows",
            source={"eksConfiguration": asked},
            destination={"ampConfiguration": {"workspaceArn": workspace["arn"]}},
            scrapeConfiguration={"configurationBlob": text(content)},
            tags={"r1:stack": "rows"},
        )["scraperId"]

    def scraping(self, *arguments, **source):
        made = self.scrape(*arguments, **source)
        self.amp.get_waiter("scraper_active").wait(scraperId=made, WaiterConfig={"Delay": 1})
        return self.amp.describe_scraper(scraperId=made)["scraper"]

    def interfaces(self, scraper):
        found = self.ec2.describe_network_interfaces()["NetworkInterfaces"]
        return [one for one in found if scraper["scraperId"] in one["Description"]]

    def end(self, scraper):
        self.amp.delete_scraper(scraperId=scraper["scraperId"])
        self.amp.get_waiter("scraper_deleted").wait(
            scraperId=scraper["scraperId"], WaiterConfig={"Delay": 1}
        )


def text(content):
    return content if isinstance(content, bytes) else json.dumps(content).encode()
