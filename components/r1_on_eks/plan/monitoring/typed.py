"""Commands that the first steps of several alerts have in common.

Prometheus fills in the labels, the alert the stack's name (STACK) and its cluster's (CLUSTER).
"""

from r1_on_eks.plan.names import NAMESPACE, STACK_TAG, VARIANT_LABEL

_NODE = "{{ $labels.node }}"
_POD = "{{ $labels.pod }}"
_OF_VARIANT = f"-l {VARIANT_LABEL}={{{{ $labels.variant }}}}"

DESCRIBE_NODE = f"kubectl describe node {_NODE}"
DRAIN = f"kubectl drain {_NODE} --ignore-daemonsets --delete-emptydir-data"
# The last part of aws:///us-west-2b/i-0123456789abcdef0.
_INSTANCE = f"$(kubectl get node {_NODE} -o jsonpath='{{.spec.providerID}}' | cut -d/ -f5)"
REBOOT = f'aws ec2 reboot-instances --instance-ids "{_INSTANCE}"'
END_INSTANCE = f'aws ec2 terminate-instances --instance-ids "{_INSTANCE}"'
INSTANCE_STATUS = f'aws ec2 describe-instance-status --instance-ids "{_INSTANCE}"'
# EKS tags the groups that it makes for node groups.
SCALING_ACTIVITIES = (
    "aws autoscaling describe-auto-scaling-groups --filters Name=tag:eks:cluster-name,"
    "Values=CLUSTER --query 'AutoScalingGroups[].[AutoScalingGroupName]' --output text | xargs"
    " -n1 aws autoscaling describe-scaling-activities --max-items 3 --auto-scaling-group-name"
)
RESERVATIONS = (
    "aws ec2 describe-capacity-reservations --query"
    " 'CapacityReservations[].[CapacityReservationId,InstanceType,State,EndDate]' --output text"
)

DESCRIBE_POD = f"kubectl -n {NAMESPACE} describe pod {_POD}"
POD_LOGS = f"kubectl -n {NAMESPACE} logs {_POD} -c vllm"
POD_IMAGES = f"kubectl -n {NAMESPACE} get pod {_POD} -o jsonpath='{{.spec.containers[*].image}}'"
POD_PROCESSES = f"kubectl -n {NAMESPACE} exec {_POD} -c vllm -- ps -eo pid,rss,args"
DELETE_POD = f"kubectl -n {NAMESPACE} delete pod {_POD}"
PODS_OF_VARIANT = f"kubectl -n {NAMESPACE} get pods {_OF_VARIANT} -o wide"
LOGS_OF_VARIANT = f"kubectl -n {NAMESPACE} logs {_OF_VARIANT} -c vllm --prefix"
DELETE_PODS_OF_VARIANT = f"kubectl -n {NAMESPACE} delete pods {_OF_VARIANT}"
STARTING_PODS = f"kubectl -n {NAMESPACE} get pods -o wide | grep 0/"
EVENTS = f"kubectl -n {NAMESPACE} get events --sort-by=.lastTimestamp | tail -20"
NODES = "kubectl get nodes -o wide"
ALL_PODS = "kubectl get pods --all-namespaces -o wide"

_OF_STACK = f"Name=tag:{STACK_TAG},Values=STACK"
WAYS_OUT = (
    f"aws ec2 describe-nat-gateways --filter {_OF_STACK} --query"
    " 'NatGateways[].[NatGatewayId,State,FailureMessage]' --output text; aws ec2"
    f" describe-vpc-endpoints --filters {_OF_STACK} --query"
    " 'VpcEndpoints[].[ServiceName,State]' --output text"
)
FILE_SYSTEM = (
    f"aws fsx describe-file-systems --query \"FileSystems[?Tags[?Key=='{STACK_TAG}' &&"
    " Value=='STACK']].[FileSystemId,Lifecycle,FailureDetails.Message,SubnetIds[0]]\""
    " --output text"
)
CHANGES = "pulumi stack history --stack STACK --page-size 3"
